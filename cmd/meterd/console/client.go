package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"meterd/dlt645"
)

const (
	dialTime = 2 * time.Second
	// takenTime is how long a daemon that lives may need to say that a request
	// has come.
	takenTime = 4 * time.Second
	// aliveTime is the longest silence of a daemon that is at work.
	aliveTime = 3 * alivePeriod
)

// Call sends a request to the daemon behind a socket and hands each reply to
// got, whose error ends it. It gives the command's error, or one that says
// that nobody answers, which is a NoDaemon.
func Call(ctx context.Context, path string, req Request, got func(Reply) error) error {
	d := net.Dialer{Timeout: dialTime}
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return &NoDaemon{Tell(dlt645.Text{EN: "no daemon answers on %s: %v", ZH: "%s 上没有守护程序应答：%v"},
			dlt645.Text{EN: "does meterd run, and with this socket in [console]?", ZH: "meterd 是否在运行？[console] 的 socket 是否一致？"}, path, cause(err))}
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	b, err := json.Marshal(req)
	if err != nil {
		return err
	}
	hangs := func(err error) error {
		return &NoDaemon{Tell(dlt645.Text{EN: "the daemon on %s does not answer: %v", ZH: "%s 上的守护程序不应答：%v"},
			dlt645.Text{EN: "it may hang; look at its log", ZH: "可能已挂起，请查看日志"}, path, cause(err))}
	}
	c.SetDeadline(time.Now().Add(takenTime))
	if _, err := c.Write(append(b, '\n')); err != nil {
		return hangs(err)
	}
	lines := json.NewDecoder(c)
	for {
		var r Reply
		if err := lines.Decode(&r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return hangs(err)
		}
		if err := got(r); err != nil {
			return err
		}
		if r.Done || r.Error != "" {
			return r.failure()
		}
		c.SetDeadline(time.Now().Add(aliveTime))
	}
}

func (r Reply) failure() error {
	switch {
	case r.Error == "":
		return nil
	case r.Wants != "":
		return &Wanting{r.Error, r.Hint, r.Wants}
	}
	return &Error{r.Error, r.Hint}
}

// NoDaemon says that nobody answers on the socket, or that who listens there
// hangs.
type NoDaemon struct{ told *Told }

func (n *NoDaemon) Error() string { return n.told.Error() }

// Unwrap gives text and hint as an Error.
func (n *NoDaemon) Unwrap() error { return &Error{n.told.Text.EN, n.told.Hint.EN} }

// cause gives the innermost error, which is the one for people.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if op.Timeout() {
			return errors.New("no answer in time")
		}
		return op.Err
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it closed the connection")
	}
	return err
}

// Ask sends a request to the daemon behind a socket and writes its answer to
// w. The error is the command's, or says that nobody answers.
func Ask(path string, req Request, w io.Writer) error {
	return Follow(path, req, w, &PassingLine{W: io.Discard})
}

// Follow is Ask, and shows meanwhile how far the command is.
func Follow(path string, req Request, w io.Writer, passing *PassingLine) error {
	defer passing.Clear()
	return Call(context.Background(), path, req, func(r Reply) error {
		if r.Passing != "" {
			passing.Show(time.Now(), Harmless(r.Passing))
			return nil
		}
		if r.Out != "" {
			passing.Clear()
		}
		_, err := io.WriteString(w, r.Out)
		return err
	})
}
