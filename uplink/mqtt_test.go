package uplink

import (
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"meterd/uplink/uplinktest"
)

func newBroker(t *testing.T) *uplinktest.Broker {
	t.Helper()
	b, err := uplinktest.NewBroker("127.0.0.1:0", "secret", uplinktest.Rules{Allow: func(_, user, password string) bool { return user == "good" && password == "word" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

var reconnects = flag.Int("reconnects", 100, "how many connections are made and left")

// TestConnectionsLeakNothing makes and leaves connections: goroutines,
// descriptors and memory stay what they were. Of four, one is refused, and one
// is left without a good-bye by the broker.
func TestConnectionsLeakNothing(t *testing.T) {
	b := newBroker(t)
	good := Login{ClientID: "c", Username: "good", Password: "word"}
	connect := func(i int) {
		l := good
		if i%4 == 3 {
			l.Password = "bad"
		}
		l.Topics = []string{"a", "b/+"}
		c, err := dial(t.Context(), Endpoint{URL: "tcp://" + b.Addr()}, l, 4)
		if i%4 == 3 {
			if err == nil {
				t.Fatal("the broker let anybody in")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		c.publish(Message{Topic: "a", Payload: []byte("x")})
		select {
		case m := <-c.in:
			if m.Topic != "a" || string(m.Payload) != "x" {
				t.Errorf("got %+v", m)
			}
		case <-time.After(time.Minute):
			t.Error("our own message does not come back")
		}
		if i%4 == 2 {
			b.Drop("c")
			<-c.lost
		}
		c.close()
	}
	for i := range 20 { // pools and tables find their size
		connect(i)
	}
	goroutines, descriptors, heap := settledGoroutines(), openDescriptors(t), heapInUse()
	for i := range *reconnects {
		connect(i)
	}
	left := func() (g, d int, h uint64, some bool) {
		g, d, h = settledGoroutines(), openDescriptors(t), heapInUse()
		return g, d, h, g > goroutines+3 || d > descriptors+3 || h > heap+1<<20
	}
	g, d, h, some := left()
	for end := time.Now().Add(time.Minute); some && time.Now().Before(end); { // the last ones may need longer to end
		g, d, h, some = left()
	}
	t.Logf("%d connections: goroutines %d to %d, descriptors %d to %d, heap %d to %d KiB", *reconnects, goroutines, g, descriptors, d, heap>>10, h>>10)
	if some {
		t.Error("something is left behind")
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// settledGoroutines waits until the number of goroutines no longer falls.
func settledGoroutines() int {
	n := runtime.NumGoroutine()
	for range 20 {
		time.Sleep(50 * time.Millisecond)
		if now := runtime.NumGoroutine(); now < n {
			n = now
		}
	}
	return n
}

func TestBrokerThatSaysNothingIsGivenUpWhenTheDaemonEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if _, err := dial(ctx, Endpoint{URL: "tcp://" + l.Addr().String()}, Login{ClientID: "c"}, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error and not a time-out", err)
	}
}

func TestLostConnectionIsTold(t *testing.T) {
	b := newBroker(t)
	c, err := dial(t.Context(), Endpoint{URL: "tcp://" + b.Addr()}, Login{ClientID: "c", Username: "good", Password: "word"}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	b.Close()
	select {
	case err := <-c.lost:
		if err == nil {
			t.Error("no reason is given")
		}
	case <-time.After(time.Minute):
		t.Error("the loss is not noticed")
	}
}

// Commands to one meter are carried out in the order in which they came: the
// client shall not hand each message to a goroutine of its own.
func TestMessagesComeInTheirOrder(t *testing.T) {
	b := newBroker(t)
	at := Endpoint{URL: "tcp://" + b.Addr()}
	to, err := dial(t.Context(), at, Login{ClientID: "to", Username: "good", Password: "word", Topics: []string{"t"}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer to.close()
	from, err := dial(t.Context(), at, Login{ClientID: "from", Username: "good", Password: "word"}, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer from.close()
	const messages = inboundRoom / 2
	for i := range messages {
		from.client.Publish("t", 1, false, strconv.Itoa(i)) // a burst: none waits for the one before
	}
	for i := range messages {
		select {
		case m := <-to.in:
			if got := string(m.Payload); got != strconv.Itoa(i) {
				t.Fatalf("message %s comes as number %d", got, i)
			}
		case <-time.After(time.Minute):
			t.Fatalf("message %d of %d does not come", i, messages)
		}
	}
}

func TestBrokerAddresses(t *testing.T) {
	for url, want := range map[string]bool{
		"tcp://192.168.1.10:21883": true, "ssl://host:8883": true, "tcp://[::1]:1883": true,
		"host:1883": false, "mqtt://host:1883": false, "tcp://host": false, "tcp://:1883": false, "": false,
	} {
		if err := CheckURL(url); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		}
	}
}
