package uplinktest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// TestBrokerEndsThoughClientsComeBackAtOnce: clients that connect again and
// again find the moment in which the broker has ended its clients and still
// listens.
func TestBrokerEndsThoughClientsComeBackAtOnce(t *testing.T) {
	for range 20 {
		b, err := NewBroker("127.0.0.1:0", "secret", Rules{Allow: func(string, string, string) bool { return true }})
		if err != nil {
			t.Fatal(err)
		}
		var clients sync.WaitGroup
		var in atomic.Int64
		busy := make(chan struct{})
		for i := range 8 {
			clients.Go(func() {
				for n := 0; ; n++ {
					connect := fmt.Appendf([]byte{0x10, 26, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x82, 0, 0, 0, 9}, "c%02d%06d\x00\x03u%02d", i, n, i)
					c, err := net.Dial("tcp", b.Addr())
					if err != nil {
						return
					}
					c.Write(connect)
					if in.Add(1) == 100 {
						close(busy)
					}
					if i%2 == 0 {
						io.Copy(io.Discard, c) // until the broker ends it
					}
					c.Close()
				}
			})
		}
		<-busy
		b.Close()
		clients.Wait()
	}
}

// TestTheFirstClientFindsTheRules: clients try again and again while nobody
// listens yet, so one of them is in as soon as the broker can be reached.
func TestTheFirstClientFindsTheRules(t *testing.T) {
	addr, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	const connect = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x09\x00\x01c"
	const subscribe = "\x82\x06\x00\x01\x00\x01a\x01"
	for range 20 {
		var clients sync.WaitGroup
		first := make(chan byte, 8)
		for i := range 8 {
			clients.Go(func() {
				for {
					c, err := net.Dial("tcp", addr)
					if err != nil {
						continue
					}
					defer c.Close()
					io.WriteString(c, connect[:len(connect)-1]+string(rune('a'+i))+subscribe)
					answer := make([]byte, 9) // CONNACK, SUBACK
					io.ReadFull(c, answer)
					first <- answer[8]
					return
				}
			})
		}
		b, err := NewBroker(addr, "secret", Rules{
			Allow:     func(string, string, string) bool { return true },
			Subscribe: func(string, string) bool { return false },
		})
		if err != nil {
			t.Fatal(err)
		}
		clients.Wait()
		for range 8 {
			if code := <-first; code != 0x80 {
				t.Errorf("a filter that the rules refuse is answered %#x", code)
			}
		}
		b.Close()
	}
}
