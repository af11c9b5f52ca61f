package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"

	"meterd/cmd/meterd/console/vttest"
)

// FuzzTyped types anything into a console that talks to a daemon.
func FuzzTyped(f *testing.F) {
	f.Add([]byte("status\rread Un\t\t\"Unit 101\" vol\t\r"), true)
	f.Add([]byte("relay x trip\r1\r2\r3\r\x03\x04"), false)
	f.Add([]byte("watch status\rq一号\x1b[D\x7f\t\x0c\r"), true)
	f.Add([]byte("meters\r  q\x1b[A\r"), true)
	path := f.TempDir() + "/sock"
	serveTable(f, path, table("zh"))
	f.Fuzz(func(t *testing.T, keys []byte, escapes bool) {
		if len(keys) > 200 || bytes.Contains(keys, []byte("-")) || bytes.Contains(keys, []byte("watch")) && !bytes.Contains(keys, []byte("q")) {
			t.Skip("no files, and no waiting for the next minute")
		}
		screen := vttest.New(80, 24)
		screen.Escapes = escapes
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		s := &Session{In: bytes.NewReader(keys), Out: screen, Socket: path, Captures: "/nowhere", Terminal: Terminal{Escapes: escapes, UTF8: true}}
		if err := s.Run(ctx); err != nil {
			t.Errorf("it ends with %v", err)
		}
		if len(screen.Complaints) > 0 {
			t.Errorf("the terminal complains: %v", screen.Complaints)
		}
	})
}

// FuzzRequest sends anything to the daemon's end of the socket. Whatever it
// is, the answer is lines of JSON, the last of which says that it is done.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"command":["status"],"json":true}`, `{"command":["read","m"],"complete":true}`, `{"hello":true}`, `{"command":[]}`, `{"command":["relay","x"],"pin":"1"}`,
		`{"command":["help","status"]}`, `[]`, `nonsense`, "\x00", `{"command":["` + strings.Repeat("x", 1000) + `"]}`,
	} {
		f.Add([]byte(s))
	}
	c := table("en")
	c.List = c.List[:4] // those that end by themselves
	f.Fuzz(func(t *testing.T, request []byte) {
		c.ready()
		near, far := net.Pipe()
		go func() {
			near.Write(append(bytes.ReplaceAll(request, []byte("\n"), nil), '\n')) // it may be cut off
		}()
		done := make(chan struct{})
		go func() {
			defer close(done)
			answer(context.Background(), far, c)
		}()
		lines := bufio.NewReader(near)
		last := Reply{}
		for {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			last = Reply{}
			if err := json.Unmarshal(line, &last); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		near.Close()
		<-done
		if !last.Done {
			t.Errorf("the answer to %q is not ended", request)
		}
	})
}
