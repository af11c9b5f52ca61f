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
		b, err := NewBroker("127.0.0.1:0", "secret", func(string, string, string) bool { return true })
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
