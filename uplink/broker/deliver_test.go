package broker_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

const base = "meterd/gw0001"

func address(i int) dlt645.Address { return dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, byte(i + 1)} }

// everything is each point that there is, read each minute.
func everything() []meter.Group {
	g := meter.Group{Every: time.Minute}
	var points meter.Points
	for _, name := range points.Names() {
		if p, ok := points.Lookup(name); ok {
			g.Points = append(g.Points, p)
		}
	}
	return []meter.Group{g}
}

// directory is of n meters, the first of which may be switched.
func directory(t testing.TB, n int) *uplink.Directory {
	t.Helper()
	var all []uplink.Device
	for i := range n {
		d := site.Meter(address(i), "")
		d.Meter.Groups = everything()
		if i == 0 {
			d.Meter.Allow = []meter.Operation{meter.OpRelay}
		}
		all = append(all, d)
	}
	return site.Directory(t, uplink.DirectoryConfig{Devices: all})
}

// standing is a site with a consumer behind it.
type standing struct {
	*site.Site
	consumer *uplinktest.Consumer
	line     *site.Line
}

// stand sets up a platform of that configuration and its consumer.
func stand(t *testing.T, conf broker.Config, consumer *uplinktest.Consumer, c site.Config) *standing {
	t.Helper()
	if wrong := broker.Check(conf); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	s := &standing{consumer: consumer, line: &site.Line{}}
	consumer.Gateway, consumer.Prefix, consumer.Layout, consumer.Reply = conf.Gateway, conf.Prefix, conf.Layout, conf.Acknowledge == broker.AcknowledgeReply
	c.Dialect, c.Platform, c.Published, c.Meters = broker.New(conf), consumer, consumer.Published, s.line.Meters
	c.Allow = func(clientID, username, password string) bool {
		return clientID == conf.ClientID && username == conf.Username && password == conf.Password
	}
	s.Site = site.New(t, c)
	return s
}

// sound fails where the consumer saw what it should not.
func (s *standing) sound(t *testing.T) uplinktest.ConsumerSeen {
	t.Helper()
	seen := s.consumer.Seen()
	for _, v := range seen.Violations {
		t.Error("violation:", v)
	}
	return seen
}

func number(coef int64, scale uint8) dlt645.Value {
	return dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef, Scale: scale}}
}

func reading(i int, at time.Time, coef int64) *meter.Reading {
	return &meter.Reading{Meter: address(i), Time: at, Trusted: true, Values: []meter.PointValue{
		{Point: "voltage.a", Value: number(coef, 1)}, {Point: "energy.forward.total", Value: number(coef*100, 2)}, {Point: "relay", Value: dlt645.Value{Kind: dlt645.Characters, Text: "closed"}},
	}}
}

// backlog fills a ring with rounds of three meters, and an event each.
func backlog(t *testing.T, rounds int) func(*site.Site) {
	return func(s *site.Site) {
		for r := range rounds {
			at := time.Unix(1700000000+int64(r)*60, 0)
			for i := range 3 {
				s.Add(t, reading(i, at, 2000+int64(r)))
			}
			if r%50 == 0 {
				s.Add(t, &meter.Event{Meter: address(r % 3), Time: at, Trusted: true, Kind: meter.EventFaultOn, Text: "over-voltage.a"})
				s.Add(t, &meter.Event{Time: at, Trusted: true, Kind: meter.EventGap, Text: "records 1 to 2"})
			}
		}
	}
}

// TestBacklogArrives by each proof of delivery, with the time of each reading,
// in few messages; nothing of it is a state.
func TestBacklogArrives(t *testing.T) {
	t.Parallel()
	for _, acknowledge := range []string{broker.AcknowledgePuback, broker.AcknowledgeOnline, broker.AcknowledgeReply} {
		t.Run(acknowledge, func(t *testing.T) {
			const rounds = 200
			s := stand(t, plain(broker.LayoutJSON, acknowledge, directory(t, 3)), &uplinktest.Consumer{}, site.Config{Fill: backlog(t, rounds)})
			if acknowledge == broker.AcknowledgeOnline {
				s.retain(t, "meterd/consumer/status", "online")
			}
			s.Drained(t)
			s.Until(t, "stored", func() bool { return len(s.consumer.Seen().Values) == 3*3*rounds && len(s.consumer.Seen().Events) == 8 })
			seen := s.sound(t)
			if seen.Repeats > 0 || len(seen.States) > 0 {
				t.Errorf("%d repeats; states %v", seen.Repeats, seen.States)
			}
			if e := seen.Events[0]; e.Event != "over-voltage.a" || e.Active == nil || !*e.Active {
				t.Errorf("a fault is told as %+v", e)
			}
			if acked := s.Uplink.State().Counts.Acked; acked > 50 {
				t.Errorf("%d messages for %d readings", acked, 3*rounds)
			}
		})
	}
}

func (s *standing) retain(t *testing.T, topic, payload string) {
	t.Helper()
	if err := s.Attached.Retain(uplinktest.Out{Topic: topic, Payload: []byte(payload)}); err != nil {
		t.Fatal(err)
	}
}

// TestAnswersThatAreLostCostRepeatsOnly, with the same id and content.
func TestAnswersThatAreLostCostRepeatsOnly(t *testing.T) {
	t.Parallel()
	n := 0
	consumer := &uplinktest.Consumer{Silent: func(string) bool { n++; return n%3 == 1 }}
	s := stand(t, plain(broker.LayoutJSON, broker.AcknowledgeReply, directory(t, 3)), consumer, site.Config{Fill: backlog(t, 150), Wait: time.Second})
	s.Drained(t)
	seen := s.sound(t)
	if len(seen.Values) != 3*3*150 || seen.Resent == 0 || s.Uplink.State().Counts.Resent == 0 {
		t.Errorf("%d values, %d messages came again", len(seen.Values), seen.Resent)
	}
}

// TestOneValueThatCannotBeStoredIsFound: the consumer refuses whole messages,
// which are divided down to the value.
func TestOneValueThatCannotBeStoredIsFound(t *testing.T) {
	t.Parallel()
	consumer := &uplinktest.Consumer{Bad: func(meter, key string) bool { return meter == address(1).String() && key == "relay" }}
	s := stand(t, plain(broker.LayoutJSON, broker.AcknowledgeReply, directory(t, 3)), consumer, site.Config{Fill: backlog(t, 4)})
	s.Drained(t)
	seen, counts := s.sound(t), s.Uplink.State().Counts
	if len(seen.Values) != 3*3*4-4 || counts.Refused != 4 || !strings.Contains(counts.LastRefusal, "a value has no place") {
		t.Errorf("%d values, want all but 4; %d are set aside: %s", len(seen.Values), counts.Refused, counts.LastRefusal)
	}
}

// TestNothingGoesOutWhileNobodyStores, whatever stands on the consumer's topic.
func TestNothingGoesOutWhileNobodyStores(t *testing.T) {
	t.Parallel()
	s := stand(t, plain(broker.LayoutJSON, broker.AcknowledgeOnline, directory(t, 3)), &uplinktest.Consumer{}, site.Config{})
	s.Until(t, "connected", func() bool { return s.Uplink.State().Connected })
	want := 0
	add := func() {
		s.Add(t, reading(0, time.Unix(1700000000+int64(want), 0), 2200))
		want += 3
	}
	for i, junk := range []string{"offline", "ONLINE", "", "online ", `{"online":false}`, `{"online":"true"}`, `[]`, "\xff", `{"online":true,"online":false}`, `{"online":true,"timestamp":1764201600000}`} {
		s.retain(t, "meterd/consumer/status", "online")
		add()
		s.Drained(t)
		s.retain(t, "meterd/consumer/status", junk)
		online := junk == "online " || i == 9
		// A command's answer shows that the platform has seen the state before it.
		s.Publish(t, s.consumer.Command(fmt.Sprint(i), "nobody", `"op":"read","points":["voltage"]`))
		s.Until(t, "answered", func() bool { return len(s.consumer.Seen().Answers) == i+1 })
		add()
		if online {
			s.Drained(t)
		} else if st := s.Uplink.State(); len(s.consumer.Seen().Values) > want-3 {
			t.Errorf("after %q: %d values, %d outstanding", junk, len(s.consumer.Seen().Values), st.Outstanding)
		}
	}
	s.retain(t, "meterd/consumer/status", "online")
	s.Drained(t)
	s.Until(t, "stored", func() bool { return len(s.consumer.Seen().Values) == want })
	if seen := s.sound(t); seen.Repeats > 0 {
		t.Errorf("%d repeats", seen.Repeats)
	}
}

// TestFlatHasTheNewest, and counts what it did not send.
func TestFlatHasTheNewest(t *testing.T) {
	t.Parallel()
	s := stand(t, plain(broker.LayoutFlat, broker.AcknowledgePuback, directory(t, 3)), &uplinktest.Consumer{}, site.Config{Fill: backlog(t, 50)})
	s.Drained(t)
	last := func(meter, key string) (v string) {
		for _, one := range s.consumer.Seen().Values {
			if one.Meter == meter && one.Key == key {
				v = one.Value
			}
		}
		return v
	}
	for i := range 3 {
		s.Until(t, "newest", func() bool {
			return last(address(i).String(), "voltage_a") == "204.9" && last(address(i).String(), "relay") == "closed"
		})
	}
	old := reading(0, time.Unix(1600000000, 0), 1) // of long ago, made up from the meter's memory
	old.Recalled = true
	s.Add(t, old)
	if err := s.Ring.Flush(); err != nil {
		t.Fatal(err)
	}
	s.Drained(t)
	counts := s.Uplink.State().Counts
	s.Until(t, "stored but for what was withheld", func() bool { return len(s.consumer.Seen().Values) >= 3*3*50+3-counts.Withheld })
	seen := s.sound(t)
	if n := last(address(0).String(), "voltage_a"); n != "204.9" || counts.Withheld != 3*3*50+3-len(seen.Values) || counts.Withheld < 300 {
		t.Errorf("voltage_a is %s; %d values came, %d were withheld", n, len(seen.Values), counts.Withheld)
	}
}

// TestThingsBoardHasADeviceForEachMeter, that comes and goes as on its line.
func TestThingsBoardHasADeviceForEachMeter(t *testing.T) {
	t.Parallel()
	s := stand(t, plain(broker.LayoutThingsBoard, broker.AcknowledgePuback, directory(t, 3)), &uplinktest.Consumer{}, site.Config{Fill: backlog(t, 100)})
	s.Drained(t)
	s.Until(t, "stored", func() bool { return len(s.consumer.Seen().Values) == 3*3*100+2 }) // and two events
	s.sound(t)
	s = stand(t, plain(broker.LayoutThingsBoard, broker.AcknowledgePuback, directory(t, 3)), &uplinktest.Consumer{}, site.Config{})
	s.line.ComesAndGoes(t, s.Site, address(1), func() bool { return slices.Contains(s.consumer.Seen().Connected, address(1).String()) }, func() {
		s.Add(t, reading(1, time.Unix(1800000000, 0), 2000))
	})
	s.sound(t)
}

// TestMeterAppearsInHomeAssistant with all that it is read for, is there as
// long as it answers, and its state is that of now.
func TestMeterAppearsInHomeAssistant(t *testing.T) {
	t.Parallel()
	s := stand(t, plain(broker.LayoutJSON, broker.AcknowledgePuback, directory(t, 2)), &uplinktest.Consumer{}, site.Config{Fill: backlog(t, 3)})
	s.Until(t, "announced", func() bool { return len(s.consumer.Seen().Entities) > 0 && s.consumer.Seen().Announced == 3 })
	seen := s.sound(t)
	meterOf := func(i int) string { return "meterd_" + address(i).String() + "_" }
	for unique, want := range map[string]uplinktest.Entity{
		meterOf(0) + "energy_forward_total":  {Platform: "sensor", DeviceClass: "energy", StateClass: "total_increasing", Unit: "kWh"},
		meterOf(0) + "energy_combined_total": {Platform: "sensor", DeviceClass: "energy", StateClass: "total", Unit: "kWh"},
		meterOf(0) + "energy_q1":             {Platform: "sensor", StateClass: "total_increasing", Unit: "kvarh"},
		meterOf(0) + "power_active_total":    {Platform: "sensor", DeviceClass: "power", StateClass: "measurement", Unit: "kW", ExpireAfter: 180},
		meterOf(0) + "power_factor_total":    {Platform: "sensor", DeviceClass: "power_factor", StateClass: "measurement", ExpireAfter: 180},
		meterOf(0) + "temperature":           {Platform: "sensor", DeviceClass: "temperature", StateClass: "measurement", Unit: "°C", ExpireAfter: 180},
		meterOf(0) + "fault":                 {Platform: "sensor", Category: "diagnostic"},
		meterOf(1) + "relay":                 {Platform: "binary_sensor", DeviceClass: "power", PayloadOn: "closed", PayloadOff: "open"},
	} {
		got := seen.Entities[unique]
		if topic := base + "/meter/" + unique[7:19] + "/state"; got.StateTopic != topic || !slices.Equal(got.Availability, []string{base + "/status", base + "/meter/" + unique[7:19] + "/status"}) {
			t.Errorf("%s: state_topic %q, availability %q", unique, got.StateTopic, got.Availability)
		}
		got.Device, got.Name, got.StateTopic, got.ValueTemplate, got.Availability = "", "", "", "", nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %+v, want %+v", unique, got, want)
		}
	}
	if e := seen.Entities["meterd_gw0001_connection"]; e.StateTopic != base+"/status" || e.DeviceClass != "connectivity" {
		t.Errorf("the gateway is %+v", e)
	}
	// The relay that may be switched sends a command that is one.
	relay := seen.Entities[meterOf(0)+"relay"]
	command := strings.NewReplacer("{{ now().timestamp() }}", "1764201600.123456", "{{ (now().timestamp() * 1000) | int }}", "1764201600123", "{{ value }}", relay.PayloadOff).Replace(relay.CommandTemplate)
	rc := broker.New(plain(broker.LayoutJSON, broker.AcknowledgePuback, directory(t, 2))).Receive(time.Now(), uplink.Inbound{Topic: relay.CommandTopic, Payload: []byte(command)})
	if relay.Platform != "switch" || rc.Command == nil || rc.Command.Relay != dlt645.CommandTrip || rc.Command.ID != "ha-1764201600.123456" || rc.Command.Said.UnixMilli() != 1764201600123 {
		t.Errorf("the relay is %+v; %s is %+v", relay, command, rc.Command)
	}
	if relay.StateOn != "closed" || relay.StateOff != "open" || relay.PayloadOn != "close" {
		t.Errorf("the relay is %+v", relay)
	}

	s.Drained(t)
	if states := s.consumer.Seen().States; len(states) > 0 {
		t.Errorf("a backlog became a state: %v", states)
	}
	now := time.Now()
	live := func(at time.Time, online bool, coef int64) {
		r := reading(0, at, coef)
		s.line.Put(meter.MeterState{Address: address(0), Known: true, Online: online, Values: r.Values, ReadAt: at})
	}
	status := func(topic, want string) {
		t.Helper()
		s.Until(t, topic+" "+want, func() bool { return s.consumer.Seen().Status[topic] == want })
	}
	state := func(want string) {
		t.Helper()
		s.Until(t, "voltage_a is "+want, func() bool { return s.consumer.Seen().States[address(0).String()].Values["voltage_a"] == want })
	}
	status(base+"/status", "online")
	live(now, true, 2201)
	status(base+"/meter/"+address(0).String()+"/status", "online")
	state("220.1")
	live(now.Add(time.Second), false, 2202)
	status(base+"/meter/"+address(0).String()+"/status", "offline")
	state("220.2")
	live(now.Add(-time.Hour), true, 1) // an older one is no state
	status(base+"/meter/"+address(0).String()+"/status", "online")
	state("220.2")
	if got := s.sound(t).States[address(0).String()].Values; got["relay"] != "closed" || got["energy_forward_total"] != "2202.00" {
		t.Errorf("the state is %v", got)
	}

	s.Broker.Drop("gw0001")
	status(base+"/status", "offline") // the will
	status(base+"/status", "online")
	s.Until(t, "announced again", func() bool { return s.consumer.Seen().Announced == 6 })
	state("220.2")
	s.End()
	status(base+"/status", "offline")
	s.sound(t)
}

// TestWhatTheBrokerKeptChangesNothing: whatever lies on any topic when the
// platform connects, nothing of it is carried out, answered or believed.
func TestWhatTheBrokerKeptChangesNothing(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{broker.LayoutJSON, broker.LayoutFlat, broker.LayoutThingsBoard} {
		t.Run(layout, func(t *testing.T) {
			acknowledge := broker.AcknowledgePuback
			if layout == broker.LayoutJSON {
				acknowledge = broker.AcknowledgeReply
			}
			consumer := &uplinktest.Consumer{}
			var s *standing
			done := 0
			came := make(chan struct{}, 1)
			s = stand(t, plain(layout, acknowledge, directory(t, 3)), consumer, site.Config{
				Fill: func(one *site.Site) {
					trip := consumer.Command("1", address(0).String(), `"op":"relay","action":"trip"`)
					if layout == broker.LayoutThingsBoard {
						trip = consumer.Command("1", address(0).String(), `"method":"relay","params":"trip"`)
					}
					kept := []uplinktest.Out{trip, {Topic: base + "/ack", Payload: []byte(`{"id":"00000000-1-00000000"}`)}, {Topic: "homeassistant/status", Payload: []byte("online")}}
					if layout == broker.LayoutThingsBoard {
						kept = kept[:1] // it listens to nothing else
					}
					for _, o := range kept {
						if err := one.Attached.Retain(o); err != nil {
							t.Fatal(err)
						}
					}
					// The broker acknowledges before it hands on, and takes one after the other:
					// when it has this one too, the others were handed on.
					one.Publish(t, uplinktest.Out{Topic: "meterd/consumer/status", Payload: []byte("offline")})
					backlog(t, 10)(one)
				},
				Do: func(c meter.Command) meter.Result {
					if !c.Retained {
						done++
					}
					select {
					case came <- struct{}{}:
					default: // it comes with each connection
					}
					return meter.Result{Outcome: meter.Expired}
				},
			})
			s.Drained(t)
			<-came // it was seen, as one that was kept
			if seen := s.sound(t); done > 0 || len(seen.Answers) > 0 || seen.Repeats > 0 {
				t.Errorf("%d carried out, answers %v, %d repeats", done, seen.Answers, seen.Repeats)
			}
		})
	}
}

var layouts = []string{broker.LayoutJSON, broker.LayoutFlat, broker.LayoutThingsBoard}

// desk is a consumer with what it may ask, and how it reads the answers.
func desk(t *testing.T, layout string) site.Desk {
	t.Helper()
	codes := map[meter.Outcome]string{}
	for _, o := range meter.Outcomes() {
		codes[o] = o.String()
	}
	ops := map[meter.Operation]string{
		meter.OpRead: `"points":["voltage"]`, meter.OpRelay: `"action":"permit"`, meter.OpAlarm: `"action":"on"`, meter.OpProtection: `"action":"off"`, meter.OpSet: `"point":"voltage_a","value":3`,
		meter.OpWrite: `"point":"04000103","value":3`, meter.OpTime: "", meter.OpFreeze: "", meter.OpDemandReset: "",
	}
	conf := plain(layout, broker.AcknowledgePuback, directory(t, 2))
	consumer := &uplinktest.Consumer{Gateway: conf.Gateway, Prefix: conf.Prefix, Layout: layout}
	d := site.Desk{
		Config: site.Config{Dialect: broker.New(conf), Platform: consumer, Published: consumer.Published, Allow: func(string, string, string) bool { return true }},
		Codes:  codes,
		Faults: func() []string { return consumer.Seen().Violations },
		Answer: func(topic string, payload []byte) (id, code string, ok bool) {
			var in struct {
				ID      string
				Outcome string
				Data    struct{ Outcome string }
			}
			ok = isAnswer(topic) && json.Unmarshal(payload, &in) == nil && in.Outcome+in.Data.Outcome != ""
			return in.ID, in.Outcome + in.Data.Outcome, ok
		},
	}
	for op, rest := range ops {
		if rest != "" {
			rest = "," + rest
		}
		form := fmt.Sprintf(`"op":%q%s`, op, rest)
		if layout == broker.LayoutThingsBoard {
			form = fmt.Sprintf(`"method":%q,"params":{%s}`, op, strings.TrimPrefix(rest, ","))
		}
		d.Orders = append(d.Orders, site.Order{Op: op, Send: func(id string) uplinktest.Out { return consumer.Command(id, address(1).String(), form) }})
	}
	return d
}

func isAnswer(topic string) bool { return topic == base+"/cmd/response" || topic == "v1/gateway/rpc" }

// TestCommandsAreAnswered, each with its id and outcome, in each layout.
func TestCommandsAreAnswered(t *testing.T) {
	t.Parallel()
	for _, layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			desk(t, layout).Outcomes(t)
		})
	}
}

// TestAnAnswerThatFallsIntoADisconnectIsSentAgain: the command is carried out
// once, and its sender gets the answer.
func TestAnAnswerThatFallsIntoADisconnectIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			desk(t, layout).Answered(t, isAnswer)
		})
	}
}

// TestTheBoardSaysHowItFares, as a state that the broker keeps, at once and again
// when something has changed.
func TestTheBoardSaysHowItFares(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{broker.LayoutJSON, broker.LayoutFlat} {
		t.Run(layout, func(t *testing.T) {
			state := []uplink.BoardState{{Key: "gateway_version", JSON: json.RawMessage(`"v1.2.0"`)}, {Key: "gateway_meters", JSON: json.RawMessage("3")}}
			s := stand(t, plain(layout, broker.AcknowledgePuback, directory(t, 1)), &uplinktest.Consumer{}, site.Config{
				Adjust: func(u *uplink.Config) { u.Board = func(time.Time) []uplink.BoardState { return state } },
			})
			s.Until(t, "told", func() bool { return len(s.consumer.Seen().Board) > 0 })
			board := s.sound(t).Board
			if board["gateway_version"] != "v1.2.0" || board["gateway_meters"] != 3.0 || board["ts"] == nil {
				t.Errorf("the board says %v", board)
			}
		})
	}
	own := broker.New(plain(broker.LayoutJSON, broker.AcknowledgePuback, directory(t, 1))).(uplink.Host)
	if all, whole := own.Board(time.Time{}, nil); !whole || len(all) != 1 || string(all[0].Payload) != "{}" || !all[0].Retain {
		t.Errorf("without a time and anything to say: %+v", all)
	}
}
