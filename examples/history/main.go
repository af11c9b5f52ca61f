// Command history keeps what meterd delivers to a broker of one's own in
// PostgreSQL: each value once by meter, point and time, whenever it comes and
// however often.
//
//	broker ─► parse ─► batch ─► transaction ─► COMMIT ─► {base}/ack ─► PUBACK
//	            └ wrong: dead_letter, and {base}/ack with the error
//
// What is acknowledged is committed: meterd with acknowledge = "reply" keeps a
// reading until then, and sends it again if this program dies before it said
// so. The order above makes that safe at each arrow.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// settings are what the command line says.
type settings struct {
	brokers, clientID, username, password, prefix, database string

	committed func() // is told of each commit before anybody else; nil: nobody is
}

func main() {
	var s settings
	flag.StringVar(&s.brokers, "broker", "tcp://127.0.0.1:1883", "or several with commas; the cluster's")
	flag.StringVar(&s.clientID, "client-id", "history", "the broker keeps a session under it, and with it what comes while this program is away")
	flag.StringVar(&s.username, "username", "", "on the broker; its password is in MQTT_PASSWORD")
	flag.StringVar(&s.prefix, "prefix", "meterd", "uplink.mqtt.prefix")
	flag.StringVar(&s.database, "database", "", "a connection string; default: PGHOST and its like")
	flag.Parse()
	s.password = os.Getenv("MQTT_PASSWORD")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil && ctx.Err() == nil {
		log.Fatal("error: ", err)
	}
}

const (
	mostBatch = 500                   // messages in a transaction
	patience  = 50 * time.Millisecond // that a transaction waits for more of them
)

// run consumes until the context ends.
func run(ctx context.Context, s settings) error {
	db, err := open(ctx, s.database)
	if err != nil {
		return err
	}
	defer db.Close()
	came := make(chan mqtt.Message, 2*mostBatch) // full: the broker waits
	status := s.prefix + "/consumer/status"
	o := mqtt.NewClientOptions().SetClientID(s.clientID).SetUsername(s.username).SetPassword(s.password).
		SetProtocolVersion(4).SetCleanSession(false).SetAutoAckDisabled(true).SetOrderMatters(true).
		SetAutoReconnect(true).SetMaxReconnectInterval(5*time.Second).SetConnectRetry(true).SetConnectRetryInterval(time.Second).
		SetConnectTimeout(5*time.Second).SetKeepAlive(20*time.Second).SetWill(status, "offline", 1, true)
	for _, b := range strings.Split(s.brokers, ",") {
		o.AddBroker(b)
	}
	take := func(_ mqtt.Client, m mqtt.Message) {
		select {
		case came <- m:
		case <-ctx.Done():
		}
	}
	o.SetDefaultPublishHandler(take) // of the session, before we subscribe
	o.SetOnConnectHandler(func(c mqtt.Client) {
		filters := map[string]byte{s.prefix + "/+/meter/+/readings": 1, s.prefix + "/+/meter/+/event": 1, s.prefix + "/+/event": 1}
		if t := c.SubscribeMultiple(filters, take); t.WaitTimeout(20*time.Second) && t.Error() == nil {
			c.Publish(status, 1, true, "online")
		} else {
			log.Print("not subscribed: ", t.Error())
		}
	})
	c := mqtt.NewClient(o)
	go c.Connect()
	defer c.Disconnect(250)
	for ctx.Err() == nil {
		batch := collect(ctx, came)
		if len(batch) == 0 {
			continue
		}
		if err := handle(ctx, s, db, c, batch); err != nil {
			return err // nothing of it was acknowledged: all comes again
		}
	}
	return nil
}

// collect waits for a message, and a moment for more.
func collect(ctx context.Context, came <-chan mqtt.Message) (batch []mqtt.Message) {
	var late <-chan time.Time
	for len(batch) < mostBatch {
		select {
		case <-ctx.Done():
			return nil
		case <-late:
			return batch
		case m := <-came:
			if batch = append(batch, m); late == nil {
				late = time.After(patience)
			}
		}
	}
	return batch
}

// handle keeps what came, says so to the gateways, and then to the broker.
func handle(ctx context.Context, s settings, db *database, c mqtt.Client, batch []mqtt.Message) error {
	var good []message
	var bad []letter
	for _, m := range batch {
		if m.Retained() { // of another time; meterd retains nothing of what is kept here
			bad = append(bad, letter{message: message{Topic: m.Topic(), Payload: m.Payload()}, why: "the broker had kept it"})
		} else if one, err := parse(s.prefix, m.Topic(), m.Payload()); err != nil {
			bad = append(bad, letter{one, err.Error()})
		} else {
			good = append(good, one)
		}
	}
	refused, err := db.keep(ctx, good, bad)
	if err != nil {
		return err
	}
	if s.committed != nil {
		s.committed()
	}
	stored := map[string][]string{}
	for _, m := range good {
		if refused[m.ID] == "" {
			stored[m.Base] = append(stored[m.Base], m.ID)
		}
	}
	for base, ids := range stored {
		for ; len(ids) > 0; ids = ids[min(len(ids), 200):] {
			answer(c, base, map[string]any{"ids": ids[:min(len(ids), 200)]})
		}
	}
	for _, l := range bad {
		if l.ID != "" {
			answer(c, l.Base, map[string]any{"id": l.ID, "error": l.why})
		}
	}
	for _, m := range good {
		if why := refused[m.ID]; why != "" {
			answer(c, m.Base, map[string]any{"id": m.ID, "error": why})
		}
	}
	for _, m := range batch {
		m.Ack()
	}
	return nil
}

// answer says to a gateway what became of its message. One that is lost is asked
// for again.
func answer(c mqtt.Client, base string, what map[string]any) {
	b, err := json.Marshal(what)
	if err != nil {
		panic(fmt.Sprint("texts always marshal: ", err))
	}
	c.Publish(base+"/ack", 1, false, b)
}
