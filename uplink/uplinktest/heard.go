package uplinktest

import (
	"fmt"
	"os"
)

// HeardEnv names a file to which the simulated platforms write what passes
// between them and a gateway, a line each: "up" or "down" and the topic, or "sub"
// and what was subscribed to. A test that says that it shows a message is held to
// it.
const HeardEnv = "METERD_HEARD"

// heard notes topics.
func heard(direction string, topics ...string) {
	path := os.Getenv(HeardEnv)
	if path == "" || len(topics) == 0 {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err) // a test's own file
	}
	defer f.Close()
	for _, topic := range topics {
		fmt.Fprintf(f, "%s %s\n", direction, topic)
	}
}

// exchanged notes a message of a gateway and the platform's answers.
func exchanged(topic string, outs []Out) []Out {
	heard("up", topic)
	for _, o := range outs {
		heard("down", o.Topic)
	}
	return outs
}

// Sent notes a message that a test sends as the platform.
func Sent(o Out) Out { return sent(o) }

// sent notes a message of the platform.
func sent(o Out) Out {
	heard("down", o.Topic)
	return o
}
