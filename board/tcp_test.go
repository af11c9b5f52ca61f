package board

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestSerialServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			served <- c
		}
	}()
	p, err := OpenTCP("tcp://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	server := <-served
	buf := make([]byte, 16)
	if err := p.SetReadTimeout(20 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(buf); n != 0 || err != nil {
		t.Errorf("nothing there: %d, %v, want 0 and no error", n, err)
	}
	if _, err := p.Write([]byte("ask")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, buf[:3]); err != nil || string(buf[:3]) != "ask" {
		t.Errorf("the server got %q, %v", buf[:3], err)
	}
	if _, err := server.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	if err := p.SetReadTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Read(buf); err != nil || string(buf[:n]) != "answer" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	// What is there is read also with a time-out of zero, if not at the first look:
	// on a busy machine that may end before it has begun.
	server.Write([]byte("more"))
	p.SetReadTimeout(0)
	n, err := 0, error(nil)
	for end := time.Now().Add(time.Minute); n == 0 && err == nil && time.Now().Before(end); {
		n, err = p.Read(buf)
	}
	if err != nil || string(buf[:n]) != "more" {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	server.Close()
	p.SetReadTimeout(5 * time.Second)
	if _, err := p.Read(buf); err == nil {
		t.Error("a closed connection is not told")
	}
}

func TestSerialServerThatIsNotThere(t *testing.T) {
	if _, err := OpenTCP("tcp://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "serial server") {
		t.Errorf("got %v", err)
	}
	for port, want := range map[string]bool{"tcp://10.0.0.1:4001": true, "tcp://10.0.0.1": false, "tcp://:4001": false, "tcp://host:": false} {
		if err := CheckTCP(port); (err == nil) != want {
			t.Errorf("%s: %v", port, err)
		}
	}
}
