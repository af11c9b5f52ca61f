package fetch

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestAHeadWithoutAnEnd: a server whose answer begins with headers for ever fills no
// memory.
func TestAHeadWithoutAnEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, begin := range []string{"HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\nX: "} {
		sent := make(chan int, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				sent <- -1
				return
			}
			defer c.Close()
			n, _ := io.WriteString(c, begin)
			line := "X-Header: " + strings.Repeat("x", 1000) + "\r\n"
			if !strings.HasSuffix(begin, "\n") {
				line = strings.Repeat("x", 1000)
			}
			for range 64 << 10 { // 64 MiB
				m, err := io.WriteString(c, line)
				if n += m; err != nil {
					break
				}
			}
			sent <- n
		}()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := Do(t.Context(), r, nil)
		if err == nil {
			resp.Body.Close()
			t.Errorf("%q: it was answered", begin)
		}
		// What the kernel's buffers hold was sent, and is read by nobody.
		if n := <-sent; n < 0 || n > 32<<20 {
			t.Errorf("%q: %d bytes were taken", begin, n)
		}
	}
}
