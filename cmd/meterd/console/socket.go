package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"meterd/dlt645"
)

// Request is what a client asks.
type Request struct {
	Command []string `json:"command"`
	JSON    bool     `json:"json"`
	PIN     string   `json:"pin,omitempty"`
	// Complete asks for the words that may stand in the place of the last one
	// of Command; nothing is carried out.
	Complete bool `json:"complete,omitempty"`
	// Hello asks who answers.
	Hello bool `json:"hello,omitempty"`
}

// Reply is a part of an answer.
type Reply struct {
	Out string `json:"out,omitempty"`
	// Passing tells how far the command is; what comes next replaces it.
	Passing string `json:"passing,omitempty"`
	Done    bool   `json:"done,omitempty"`
	Error   string `json:"error,omitempty"` // with Done: the command failed
	Hint    string `json:"hint,omitempty"`
	// With Error: the same command again would do, with the PIN, or with -yes.
	Wants Want     `json:"wants,omitempty"`
	Words []string `json:"words,omitempty"` // to Complete
	Hello *Hello   `json:"hello,omitempty"`
}

// Hello tells who answers.
type Hello struct {
	Gateway  string `json:"gateway"`
	Version  string `json:"version"`
	Language string `json:"language"`
}

const (
	mostClients  = 8
	mostRequest  = 64 << 10
	clientPeriod = 30 * time.Second // in which a client must have asked
)

// Serve answers requests on a unix socket at path (mode 0600) until the
// context ends. If the socket's file vanishes, or cannot be made, it is made
// again; only another daemon that answers there ends it.
func Serve(ctx context.Context, path string, commands Commands) error {
	var clients sync.WaitGroup
	defer clients.Wait()
	room := make(chan struct{}, mostClients)
	commands.ready()
	var told string
	for {
		err := listen(ctx, path, func(c net.Conn) {
			select {
			case room <- struct{}{}:
				clients.Go(func() {
					defer func() { <-room }()
					answer(ctx, c, commands)
				})
			default:
				write(c, lastReply(tooMany, commands.Language))
				c.Close()
			}
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errTaken):
			return err
		case err != nil && err.Error() != told && commands.Log != nil:
			told = err.Error()
			commands.Log(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookAgain):
		}
	}
}

var tooMany = Tell(dlt645.Text{EN: "too many consoles are open", ZH: "打开的控制台过多"}, dlt645.Text{EN: "close one", ZH: "请关闭一个"})

// lookAgain is how often it is seen to that the socket is there.
const lookAgain = 2 * time.Second

// listen takes clients until the context ends or the socket is gone.
func listen(ctx context.Context, path string, take func(net.Conn)) error {
	if err := takeOver(path); err != nil {
		return err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	for ctx.Err() == nil {
		l.SetDeadline(time.Now().Add(lookAgain))
		c, err := l.Accept()
		if err == nil {
			take(c)
			continue
		}
		if _, gone := os.Lstat(path); gone != nil {
			l.SetUnlinkOnClose(false)
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) { // too many open files, say
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// errTaken says that another daemon answers on the socket.
var errTaken = errors.New("console: another meterd answers")

// takeOver removes the socket that a killed daemon has left. One that
// answers belongs to a daemon that runs.
func takeOver(path string) error {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("%w on %s", errTaken, path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		return os.Remove(path)
	}
	return nil
}

func answer(ctx context.Context, c net.Conn, commands Commands) {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	c.SetDeadline(time.Now().Add(clientPeriod))
	line, err := bufio.NewReader(io.LimitReader(c, mostRequest)).ReadBytes('\n')
	if err != nil {
		return
	}
	var req Request
	if err := json.Unmarshal(line, &req); err != nil {
		write(c, Reply{Done: true, Error: "not a request: " + err.Error(), Hint: "a JSON object in a line"})
		return
	}
	switch {
	case req.Hello:
		write(c, Reply{Done: true, Hello: &Hello{commands.Gateway, commands.Version, commands.Language}})
		return
	case req.Complete:
		write(c, Reply{Done: true, Words: commands.complete(req.Command)})
		return
	}
	err = during(ctx, c, func(ctx context.Context, say func(Reply)) error { return commands.run(ctx, req, say) })
	write(c, lastReply(err, commands.Language))
}

// alivePeriod is how often a client is told that its command is still at
// work.
const alivePeriod = 5 * time.Second

// during carries a command out, and ends it when its client is gone.
func during(ctx context.Context, c net.Conn, run func(context.Context, func(Reply)) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var mu sync.Mutex // of writing
	var alive sync.WaitGroup
	defer alive.Wait()
	defer cancel()
	tell := func(r Reply) {
		mu.Lock()
		defer mu.Unlock()
		c.SetDeadline(time.Now().Add(clientPeriod))
		if !write(c, r) {
			cancel()
		}
	}
	tell(Reply{}) // the request has come
	alive.Go(func() {
		t := time.NewTicker(alivePeriod)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				tell(Reply{})
			}
		}
	})
	return run(ctx, tell)
}

func write(c net.Conn, r Reply) bool {
	b, err := json.Marshal(r)
	if err != nil {
		return false
	}
	_, err = c.Write(append(b, '\n')) // a client that is gone needs no answer
	return err == nil
}
