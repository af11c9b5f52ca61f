package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// value is a row of the table reading.
type value struct {
	Gateway, Meter, Point string
	At                    time.Time
	Number, Word          *string // one of the two
}

// event is a row of the table event.
type event struct {
	ID, Gateway, Meter string
	At                 time.Time
	Event              string
	Active             *bool
	By, Text           string
}

// message is what a topic's payload says. Layout "json" of meterd: docs/platforms.md#a-broker-of-ones-own.
type message struct {
	Topic   string
	Payload []byte
	Base    string // of the gateway's topics
	ID      string // by which meterd waits for an answer; "" where it could not be read
	Values  []value
	Event   *event
}

// plain is a number as meterd writes one; what else JSON allows might not fit.
var plain = regexp.MustCompile(`^-?\d{1,30}(\.\d{1,30})?$`)

// parse reads a message. Where it cannot be kept the error says why, and the
// message has its ID if that could be read.
func parse(prefix, topic string, payload []byte) (message, error) {
	m := message{Topic: topic, Payload: payload}
	rest, ours := strings.CutPrefix(topic, prefix+"/")
	gateway, what, _ := strings.Cut(rest, "/")
	if !ours || gateway == "" {
		return m, errors.New("no topic of a gateway")
	}
	m.Base = prefix + "/" + gateway
	var in struct {
		ID    string `json:"id"`
		Meter string `json:"meter"`
		Rows  []struct {
			TS     int64                      `json:"ts"`
			Values map[string]json.RawMessage `json:"values"`
		} `json:"rows"`
		TS     int64  `json:"ts"`
		Event  string `json:"event"`
		Active *bool  `json:"active"`
		By     string `json:"by"`
		Text   string `json:"text"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return m, err
	}
	if !named(in.ID) {
		return m, errors.New("the id is none")
	}
	m.ID = in.ID
	if in.Event != "" {
		at, err := moment(in.TS)
		if in.Meter != "" && !named(in.Meter) || !named(in.Event) || strings.ContainsRune(in.By+in.Text, 0) {
			return m, errors.New("the event has names that cannot be kept")
		}
		m.Event = &event{in.ID, gateway, in.Meter, at, in.Event, in.Active, in.By, in.Text}
		return m, err
	}
	if !named(in.Meter) || what != "meter/"+in.Meter+"/readings" || len(in.Rows) == 0 {
		return m, fmt.Errorf("%d rows of meter %.40q", len(in.Rows), in.Meter)
	}
	for _, row := range in.Rows {
		at, err := moment(row.TS)
		if err != nil {
			return m, err
		}
		for point, raw := range row.Values {
			v := value{Gateway: gateway, Meter: in.Meter, Point: point, At: at}
			if text := string(raw); plain.MatchString(text) {
				v.Number = &text
			} else if json.Unmarshal(raw, &v.Word) != nil || v.Word == nil || strings.ContainsRune(*v.Word, 0) || !bytes.HasPrefix(raw, []byte(`"`)) {
				return m, fmt.Errorf("%.40q is %.40s", point, raw)
			}
			if !named(point) {
				return m, fmt.Errorf("a point %.40q", point)
			}
			m.Values = append(m.Values, v)
		}
	}
	return m, nil
}

// named reports whether a text can be a key.
func named(s string) bool { return s != "" && len(s) <= 200 && !strings.ContainsRune(s, 0) }

// moment reads a time in ms. One that no meter can have read is none.
func moment(ms int64) (time.Time, error) {
	if at := time.UnixMilli(ms).UTC(); at.Year() >= 2000 && at.Year() < 2100 {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("ts %d is no time in ms", ms)
}
