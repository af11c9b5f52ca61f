package uplink

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"meterd/uplink/uplinktest"
)

func newBroker(t *testing.T) *uplinktest.Broker {
	t.Helper()
	b, err := uplinktest.NewBroker("127.0.0.1:0", "secret", func(_, user, password string) bool { return user == "good" && password == "word" })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestWrongPasswordIsToldInWordsWithWhatToCheck(t *testing.T) {
	b := newBroker(t)
	_, err := dial(t.Context(), Endpoint{URL: "tcp://" + b.Addr()}, Login{ClientID: "c", Username: "good", Password: "bad"}, nil, 4)
	r, ok := errors.AsType[*refusal](err)
	if !ok || !r.Credentials || !strings.Contains(r.Hint.EN, "username") || r.Hint.ZH == "" {
		t.Errorf("got %v (%+v)", err, r)
	}
}

func TestConnectionsLeakNothing(t *testing.T) {
	b := newBroker(t)
	connect := func() {
		c, err := dial(t.Context(), Endpoint{URL: "tcp://" + b.Addr()}, Login{ClientID: "c", Username: "good", Password: "word"}, []string{"a", "b/+"}, 4)
		if err != nil {
			t.Fatal(err)
		}
		c.publish(Message{Topic: "a", Payload: []byte("x")})
		select {
		case m := <-c.in:
			if m.topic != "a" || string(m.payload) != "x" {
				t.Errorf("got %+v", m)
			}
		case <-time.After(10 * time.Second):
			t.Error("our own message does not come back")
		}
		c.close()
		// A refused one must leave nothing either.
		if _, err := dial(t.Context(), Endpoint{URL: "tcp://" + b.Addr()}, Login{ClientID: "c", Username: "bad"}, nil, 4); err == nil {
			t.Fatal("the broker let anybody in")
		}
	}
	connect()
	before := settledGoroutines()
	for range 20 {
		connect()
	}
	if after := settledGoroutines(); after > before+3 {
		t.Errorf("%d goroutines before and %d after 20 connections", before, after)
	}
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
	if _, err := dial(ctx, Endpoint{URL: "tcp://" + l.Addr().String()}, Login{ClientID: "c"}, nil, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error and not a time-out", err)
	}
}

func TestLostConnectionIsTold(t *testing.T) {
	b := newBroker(t)
	c, err := dial(t.Context(), Endpoint{URL: "tcp://" + b.Addr()}, Login{ClientID: "c", Username: "good", Password: "word"}, nil, 4)
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
	case <-time.After(10 * time.Second):
		t.Error("the loss is not noticed")
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
