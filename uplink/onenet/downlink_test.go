package onenet_test

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
	"meterd/uplink/onenet"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// studio is a platform of three meters with the simulated one behind it.
type studio struct {
	*onenet.Studio
	sim *uplinktest.Onenet
	now time.Time
}

func newStudio(t *testing.T, keys bool, change func(*onenet.StudioConfig)) *studio {
	t.Helper()
	c := onenet.StudioConfig{Identity: identity, Wildcard: true, Directory: directory(t, keys)}
	if change != nil {
		change(&c)
	}
	s := &studio{onenet.NewStudio(c), known(&uplinktest.Onenet{Studio: true}), time.Unix(1800000000, 0)}
	s.connect(t)
	return s
}

func (s *studio) connect(t *testing.T) {
	l := s.Login(s.now)
	for _, topic := range l.Topics {
		if !s.sim.AllowSubscribe("", topic) {
			t.Errorf("%s is not granted", topic)
		}
	}
}

// send has the platform take a message, and gives what its answers mean. It
// takes one in a second.
func (s *studio) send(m uplink.Message) (all []uplink.Receipt) {
	defer func() { s.now = s.now.Add(time.Second) }()
	for _, out := range s.sim.Receive(m.Topic, m.Payload, s.now) {
		all = append(all, s.Receive(s.now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload}))
	}
	return all
}

// down has the gateway take a request; what it answers at once goes back.
func (s *studio) down(name, id, params string) uplink.Receipt {
	out := s.sim.Down(name, id, params, s.now)
	rc := s.Receive(s.now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
	if rc.Reply != nil {
		s.send(*rc.Reply)
	}
	return rc
}

// finish tells the outcome of a command.
func (s *studio) finish(c meter.Command, r meter.Result) bool {
	m, ok := s.Answer(s.now, c, r)
	if ok {
		s.send(m)
	}
	return ok
}

// asks sends all that the gateway asks for now.
func (s *studio) asks() (all []uplink.Receipt, again time.Time) {
	for {
		m, ok, next := s.Ask(s.now)
		if !ok {
			return all, next
		}
		all = append(all, s.send(m)...)
	}
}

func (s *studio) clean(t *testing.T) uplinktest.OnenetSeen {
	t.Helper()
	seen := s.sim.Seen()
	if len(seen.Violations) > 0 {
		t.Errorf("violations: %v", seen.Violations)
	}
	return seen
}

// TestSeveralPropertiesHaveOneTrueAnswer: of the gateway and of a sub-device.
func TestSeveralPropertiesHaveOneTrueAnswer(t *testing.T) {
	for name, params := range map[string]string{
		"sub/property/set": `{"productID":"469948","deviceName":"202411200101","params":{"relay":"open","voltage_a":"220.1","frequency":50}}`,
		"property/set":     `{"202411200101_relay":"open","202411200101_voltage_a":"220.1","202411200101_frequency":50}`,
	} {
		s := newStudio(t, false, nil)
		all := s.down(name, "7", params).Commands()
		if len(all) != 3 {
			t.Fatalf("%s: %d commands", name, len(all))
		}
		refused := meter.Result{Outcome: meter.NotTaken, Text: dlt645.Text{EN: "refused by the meter: not authorised"}}
		s.finish(all[2], meter.Result{Outcome: meter.NoAnswer, Text: dlt645.Text{EN: "the meter does not answer"}})
		s.finish(all[0], meter.Result{})
		s.finish(all[1], refused)
		want := `{"id":"7","code":504,"msg":"frequency: done; relay: refused, refused by the meter: not authorised; voltage_a: no answer, the meter does not answer"}`
		if all[1].Op != meter.OpRelay {
			t.Errorf("%s: the second is %s", name, all[1].Op)
		}
		want = strings.Replace(want, "504", "500", 1) // the first that is not done
		if seen := s.clean(t); len(seen.Answers) != 1 || seen.Answers[0] != want {
			t.Errorf("%s: answered %v, want %s", name, seen.Answers, want)
		}
	}
}

// TestARequestIsAnsweredBeforeThePlatformGivesItUp: with what is known, once;
// what an asynchronous service does is told whenever it is known.
func TestARequestIsAnsweredBeforeThePlatformGivesItUp(t *testing.T) {
	const device = `"productID":"469948","deviceName":"202411200101"`
	for _, c := range []struct{ name, topic, params, early, late string }{
		{"get", "sub/property/get", `{` + device + `,"params":["voltage_a"]}`, `{"id":"7","code":408,"msg":"not known yet; the property tells it later"}`, ""},
		{"set", "sub/property/set", `{` + device + `,"params":{"relay":"open"}}`, `{"id":"7","code":408,"msg":"not known yet; the property tells it later"}`, ""},
		{"set of two", "property/set", `{"202411200101_relay":"open","202411200101_voltage_a":1}`, `{"id":"7","code":408,"msg":"relay: not known yet; the property tells it later; voltage_a: done"}`, ""},
		{"service read", "service/read/invoke", `{"meter":"202411200101","points":["voltage"]}`, `{"id":"7","code":408,"msg":"not known yet; the property tells it later"}`, ""},
		{"service relay", "service/relay/invoke", `{"meter":"202411200101","action":"trip"}`, "", `{"id":"7","code":200,"msg":"done"}`},
		{"service relay of a sub-device", "sub/service/invoke", `{` + device + `,"identifier":"relay","input":{"action":"trip"}}`, "",
			`{"id":"7","code":200,"msg":"done","data":{"deviceName":"202411200101","productID":"469948","identifier":"relay","output":{}}}`},
	} {
		s := newStudio(t, false, nil)
		s.asks()
		all := s.down(c.topic, "7", c.params).Commands()
		if len(all) == 0 {
			t.Fatalf("%s: no command", c.name)
		}
		if len(all) > 1 {
			s.finish(all[1], meter.Result{})
		}
		_, again := s.asks()
		if got := s.clean(t).Answers; len(got) != 0 || again.IsZero() != (c.early == "") {
			t.Errorf("%s: answered %v at once, asked to be called again at %v", c.name, got, again)
		}
		if !again.IsZero() {
			s.now = again
		}
		s.asks()
		if got := strings.Join(s.clean(t).Answers, " "); got != c.early {
			t.Errorf("%s: at its time it is answered %q, want %q", c.name, got, c.early)
		}
		s.now = s.now.Add(20 * time.Second)
		s.finish(all[0], meter.Result{})
		got := s.clean(t).Answers
		if want := []string{c.early, c.late}; strings.Join(got, "") != strings.Join(want, "") {
			t.Errorf("%s: answered %v, want %v", c.name, got, want)
		}
		// The same again is answered: the desk knows the outcome.
		if c.early != "" && len(all) == 1 {
			again := s.down(c.topic, "7", c.params).Commands()
			if !s.finish(again[0], meter.Result{}) {
				t.Errorf("%s: what comes again has no answer", c.name)
			}
		}
	}
}

// TestGatewayPropertiesAreOfOneDevice, and read under their own names.
func TestGatewayPropertiesAreOfOneDevice(t *testing.T) {
	s := newStudio(t, false, nil)
	for i, c := range []struct{ name, params, want string }{
		{"property/set", `{"202411200101_relay":"open","202411200102_relay":"open"}`, `"code":400,"msg":"all properties must be of one device"`},
		{"property/set", `{"relay":"open"}`, `"code":404,"msg":"the gateway has no property`},
		{"property/set", `{}`, `"code":400,"msg":"which property?"`},
		{"property/get", `["202411200101_colour"]`, `"code":404`},
		{"sub/property/set", `{"productID":"469948","deviceName":"202411200101","params":{"relay":"open","colour":1}}`, `"code":404,"msg":"there is no property`},
		{"service/explode/invoke", `{"meter":"202411200101"}`, `"code":404`},
		{"service/relay/invoke", `{"action":"trip"}`, `"code":404,"msg":"there is no meter`},
		{"sub/topo/change", `{}`, `"code":400`},
	} {
		rc := s.down(c.name, fmt.Sprint(i+1), c.params)
		if rc.Command != nil || rc.Reply == nil || !strings.Contains(string(rc.Reply.Payload), c.want) {
			t.Errorf("%s %s: %+v, %s", c.name, c.params, rc.Command, rc.Reply.Payload)
		}
	}
	rc := s.down("property/get", "20", `["202411200101_voltage_a"]`)
	s.finish(*rc.Command, meter.Result{Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}})
	seen := s.clean(t)
	if got := seen.Answers[len(seen.Answers)-1]; got != `{"id":"20","code":200,"msg":"done","data":{"202411200101_voltage_a":220.1}}` {
		t.Errorf("read as %s", got)
	}
}

// TestNarrowSubscriptionIsTenTopics, all of which the platform has.
func TestNarrowSubscriptionIsTenTopics(t *testing.T) {
	s := newStudio(t, false, func(c *onenet.StudioConfig) { c.Wildcard = false })
	if got := len(s.Login(s.now).Topics); got != 10 {
		t.Errorf("%d topics", got)
	}
	if m, ok, _ := s.Ask(s.now); ok {
		t.Errorf("without a wildcard no answer comes to %s", m.Topic)
	}
	s.clean(t)
}

// TestADeviceOutOfTheTopologyWaits: told at the start, or later; with a key or
// without. Once it is there again it delivers.
func TestADeviceOutOfTheTopologyWaits(t *testing.T) {
	names := []string{"202411200101", "202411200102", "202411200103"}
	s := newStudio(t, false, nil)
	s.sim.Console = names[:2]
	rcs, _ := s.asks()
	if len(rcs) != 1 || fmt.Sprint(rcs[0].Gone) != fmt.Sprint([]dlt645.Address{address(2)}) || rcs[0].Reply == nil {
		t.Fatalf("got %+v", rcs)
	}
	s.send(*rcs[0].Reply)
	if seen := s.clean(t); seen.Synced != 1 {
		t.Errorf("the platform shows %d times that it is synchronised", seen.Synced)
	}
	third := &s.Directory().Devices()[2]
	m, ok := s.Register(s.now, third, 0)
	if !ok || !strings.HasSuffix(m.Topic, "/sub/login") {
		t.Fatalf("it is not logged in: %+v", m)
	}
	if rc := s.send(m)[0]; rc.Verdict == uplink.Accepted || rc.ID != m.ID {
		t.Errorf("it is logged in: %+v", rc)
	}
	out := s.sim.Topology("8", names, s.now)
	rc := s.Receive(s.now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
	s.send(*rc.Reply)
	if len(rc.Gone) != 0 {
		t.Errorf("gone: %v", rc.Gone)
	}
	if _, ok := s.Register(s.now, third, 0); ok {
		t.Error("it is there, and is to be logged in")
	}
	s.clean(t)
}

// TestNoListIsNoTopology: who says nothing has not said that all are gone.
func TestNoListIsNoTopology(t *testing.T) {
	for data, want := range map[string]int{`null`: 0, `{}`: 0, `""`: 0, `[null]`: 3, `[{"deviceName":1}]`: 0, `[]`: 3, `[{"deviceName":"202411200101","productID":"other"}]`: 3, `[{"deviceName":"202411200101","productID":"469948"}]`: 2} {
		s := newStudio(t, false, nil)
		m, _, _ := s.Ask(s.now)
		var out struct{ ID string }
		if err := json.Unmarshal(m.Payload, &out); err != nil {
			t.Fatal(err)
		}
		rc := s.Receive(s.now, uplink.Inbound{Topic: m.Topic + "/reply", Payload: fmt.Appendf(nil, `{"id":%q,"code":200,"data":%s}`, out.ID, data)})
		if len(rc.Gone) != want {
			t.Errorf("%s: %d are gone, want %d", data, len(rc.Gone), want)
		}
	}
}

// TestARequestNamesFiftyPropertiesAtMost, as the pages say.
func TestARequestNamesFiftyPropertiesAtMost(t *testing.T) {
	s := newStudio(t, false, nil)
	for n, want := range map[int]string{50: "", 51: `"code":400,"msg":"51 properties at once, at most 50 are taken"`, 4000: `"code":400`} {
		keys := strings.TrimSuffix(strings.Repeat(`"voltage_a",`, n), ",")
		rc := s.down("sub/property/get", fmt.Sprint(n), `{"productID":"469948","deviceName":"202411200101","params":[`+keys+`]}`)
		if got := rc.Reply; got == nil && want != "" || got != nil && !strings.Contains(string(got.Payload), want) || (rc.Command == nil) != (want != "") {
			t.Errorf("%d: %+v", n, rc)
		}
	}
}

// TestATopologyThatIsChangedHoldsReadings, over a broker.
func TestATopologyThatIsChangedHoldsReadings(t *testing.T) {
	t.Parallel()
	platform := known(&uplinktest.Onenet{Studio: true})
	p := onenet.NewStudio(onenet.StudioConfig{Identity: identity, Wildcard: true, Directory: directory(t, true)})
	s := site.New(t, site.Config{Dialect: p, Platform: platform, Allow: platform.Allow, Subscribed: platform.AllowSubscribe, Meters: func() (all []meter.MeterState) {
		for i := range 3 {
			all = append(all, meter.MeterState{Address: address(i), Known: true, Online: true})
		}
		return all
	}})
	read := func(i int) {
		s.Add(t, &meter.Reading{Meter: address(i), Time: time.Unix(1700000000, 0), Trusted: true, Values: []meter.PointValue{
			{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}},
		}})
	}
	s.Until(t, "all logged in, and the topology taken", func() bool { seen := platform.Seen(); return len(seen.Online) == 3 && seen.Synced == 1 })
	s.Publish(t, platform.Topology("1", []string{"202411200101", "202411200103"}, time.Now()))
	s.Until(t, "told of it", func() bool { return s.Uplink.State().Unregistered[address(1)] != "" })
	read(1)
	read(0)
	s.Until(t, "the other delivered", func() bool { return len(platform.Seen().Points) == 1 })
	if seen := platform.Seen(); slices.Contains(seen.Online, "202411200102") || seen.Points[0].Device != "202411200101" {
		t.Errorf("online %v, stored %v", seen.Online, seen.Points)
	}
	s.Publish(t, platform.Topology("2", []string{"202411200101", "202411200102", "202411200103"}, time.Now()))
	s.Drained(t)
	if seen := platform.Seen(); len(seen.Points) != 2 || len(seen.Violations) > 0 || len(seen.Answers) != 2 {
		t.Errorf("%d points, answers %v, violations %v", len(seen.Points), seen.Answers, seen.Violations)
	}
}

// wishing is a platform whose first meter lets its relay be switched and its
// parameters be set, with wishes.
func wishing(t *testing.T, desired bool, allow []meter.Operation, wishes map[string]uplinktest.OnenetWish, rows ...uplink.Row) *studio {
	t.Helper()
	var points meter.Points
	s := newStudio(t, false, func(c *onenet.StudioConfig) {
		c.Desired = desired
		if len(rows) > 0 {
			c.Directory = site.Directory(t, uplink.DirectoryConfig{Devices: c.Directory.Devices(), Rows: rows})
		}
		d := c.Directory.Devices()[0].Meter
		d.Allow = allow
		for _, name := range []string{"voltage", "limit.power", "limit.voltage.min", "delay.current"} {
			found, _ := points.Expand(name)
			d.Groups = append(d.Groups, meter.Group{Every: time.Hour, Points: found})
		}
	})
	s.sim.Desired = map[string]uplinktest.OnenetWish{}
	for k, w := range wishes {
		s.sim.Desired[k] = w
	}
	return s
}

// takes has what the platform says taken, and gives the commands.
func (s *studio) takes() (all []meter.Command) {
	rcs, _ := s.asks()
	for _, rc := range rcs {
		if rc.Reply != nil {
			s.send(*rc.Reply)
		}
		all = append(all, rc.Commands()...)
	}
	return all
}

func tell(all []meter.Command) string {
	var said []string
	for _, c := range all {
		said = append(said, fmt.Sprintf("%s %s under %s", c.Meter.Address, c, strings.TrimPrefix(c.ID, "property/desired/get:")))
	}
	return strings.Join(said, "; ")
}

// TestWishesAreCarriedOutUnderTheirVersionAndCleared: those of what meters let
// be set, where the configuration wants it, each with an outcome of its own; one
// that is a mistake is cleared alone.
func TestWishesAreCarriedOutUnderTheirVersionAndCleared(t *testing.T) {
	wishes := map[string]uplinktest.OnenetWish{
		"202411200101_relay": {Value: "open", Version: 3}, "202411200102_relay": {Value: "open", Version: 1}, "202411200101_voltage_a": {Value: "1", Version: 1},
		"202411200101_limit_power": {Value: "6.5", Version: 2}, "202411200101_limit_voltage_min": {Value: "", Version: 4}, "202411200101_delay_current": {Value: "5", Version: 0},
	}
	relay, limit := "202411200101 trip under 3:202411200101_relay", "202411200101 limit.power = 6.5 under 2:202411200101_limit_power"
	for _, c := range []struct {
		name          string
		desired       bool
		allow         []meter.Operation
		want, cleared string
	}{
		{"off", false, []meter.Operation{meter.OpRelay, meter.OpSet}, "", "[]"},
		{"nothing is allowed", true, nil, "", "[]"},
		{"the relay", true, []meter.Operation{meter.OpRelay}, relay, "[202411200101_relay]"},
		{"parameters", true, []meter.Operation{meter.OpSet}, limit, "[202411200101_limit_voltage_min 202411200101_limit_power]"},
		{"both", true, []meter.Operation{meter.OpRelay, meter.OpSet}, relay + "; " + limit, "[202411200101_limit_voltage_min 202411200101_relay 202411200101_limit_power]"},
	} {
		s := wishing(t, c.desired, c.allow, wishes)
		var got []meter.Command
		for range 2 {
			s.connect(t)
			for _, cmd := range s.takes() {
				got = append(got, cmd)
				s.finish(cmd, meter.Result{Outcome: meter.Unconfirmed})
			}
		}
		if seen := s.clean(t); tell(got) != c.want || fmt.Sprint(seen.Cleared) != c.cleared {
			t.Errorf("%s: carried out %q, want %q; cleared %v, want %s", c.name, tell(got), c.want, seen.Cleared, c.cleared)
		}
	}
}

// TestWishesOfManyMetersAreAllAskedFor, as many at once as a message may set.
func TestWishesOfManyMetersAreAllAskedFor(t *testing.T) {
	const meters = 40
	var devices []uplink.Device
	wishes := map[string]uplinktest.OnenetWish{}
	for i := range meters {
		d := site.Meter(dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x02, byte(i/10<<4 | i%10)}, "")
		d.Meter.Allow = []meter.Operation{meter.OpRelay}
		devices = append(devices, d)
		wishes[d.ID+"_relay"] = uplinktest.OnenetWish{Value: "open", Version: 1}
	}
	s := newStudio(t, false, func(c *onenet.StudioConfig) {
		c.Desired, c.Directory = true, site.Directory(t, uplink.DirectoryConfig{Devices: devices})
	})
	s.sim.Desired = wishes
	of := map[*meter.Handle]bool{}
	for _, c := range s.takes() {
		of[c.Meter] = true
		s.finish(c, meter.Result{})
	}
	if seen := s.clean(t); len(of) != meters || len(seen.Cleared) != meters {
		t.Errorf("%d meters, %d wishes cleared", len(of), len(seen.Cleared))
	}
}

// TestAWishThatCameAsASettingIsNotCarriedOutAgain: the platform sets what is
// wished at once where the gateway is there, and keeps the wish.
func TestAWishThatCameAsASettingIsNotCarriedOutAgain(t *testing.T) {
	const key = "202411200101_relay"
	allow := []meter.Operation{meter.OpRelay}
	for _, c := range []struct {
		name       string
		wish       string // when it is asked for
		lost       bool   // the connection ends before it is
		want       string
		keptBefore bool // a question was out when the setting came
	}{
		{name: "at once", wish: "open"},
		{name: "in other words", wish: "0"},
		{name: "over a connection", wish: "open", lost: true},
		{name: "another one since", wish: "closed", want: "202411200101 close under 2:" + key},
		{name: "while it is asked for", wish: "open", keptBefore: true},
	} {
		s := wishing(t, true, allow, nil)
		s.takes()
		var early uplink.Inbound
		if c.keptBefore {
			s.connect(t)
			s.sim.Desired[key] = uplinktest.OnenetWish{Value: "open", Version: 2}
			for {
				m, ok, _ := s.Ask(s.now)
				if !ok {
					t.Fatal("wishes are not asked for")
				}
				outs := s.sim.Receive(m.Topic, m.Payload, s.now)
				s.now = s.now.Add(time.Second)
				if strings.HasSuffix(m.Topic, "desired/get") {
					early = uplink.Inbound{Topic: outs[0].Topic, Payload: outs[0].Payload}
					break
				}
			}
		}
		set := s.down("property/set", "7", `{"`+key+`":"open"}`).Commands()
		s.finish(set[0], meter.Result{})
		var got []meter.Command
		if c.keptBefore {
			rc := s.Receive(s.now, early)
			got = append(got, rc.Commands()...)
			if rc.Reply != nil {
				s.send(*rc.Reply)
			}
		}
		if s.sim.Desired[key].Version == 0 && !c.keptBefore {
			s.sim.Desired[key] = uplinktest.OnenetWish{Value: c.wish, Version: 2}
		}
		if c.lost {
			s.connect(t)
		}
		for range 2 {
			for _, cmd := range s.takes() {
				got = append(got, cmd)
				s.finish(cmd, meter.Result{})
			}
			s.connect(t)
		}
		if seen := s.clean(t); tell(got) != c.want || fmt.Sprint(seen.Cleared) != "["+key+"]" {
			t.Errorf("%s: carried out %q, want %q; cleared %v", c.name, tell(got), c.want, seen.Cleared)
		}
		// A wish of later on is one.
		s.sim.Desired[key] = uplinktest.OnenetWish{Value: "open", Version: 9}
		if got := tell(s.takes()); got != "202411200101 trip under 9:"+key {
			t.Errorf("%s: later on %q is carried out", c.name, got)
		}
	}
}

// TestWishesForOneThingUnderTwoNamesAreNone: whose word counts is nobody's to
// guess.
func TestWishesForOneThingUnderTwoNamesAreNone(t *testing.T) {
	s := wishing(t, true, []meter.Operation{meter.OpRelay}, map[string]uplinktest.OnenetWish{
		"202411200101_a": {Value: "open", Version: 1}, "202411200101_b": {Value: "closed", Version: 2}, "202411200101_c": {Value: "open", Version: 3},
	}, uplink.Row{Point: "relay", To: "a", Scale: -1}, uplink.Row{Point: "relay", To: "b", Scale: -1}, uplink.Row{Point: "relay", To: "c", Scale: -1})
	if got := s.takes(); len(got) > 0 {
		t.Errorf("carried out: %s", tell(got))
	}
	if seen := s.clean(t); len(seen.Cleared) != 3 {
		t.Errorf("cleared %v", seen.Cleared)
	}
}

// TestAPackageIsRefused: the bell that rings for it has a truthful answer.
func TestAPackageIsRefused(t *testing.T) {
	s := newStudio(t, false, nil)
	bell := uplinktest.Sent(uplinktest.Out{Topic: "$sys/469948/gw/ota/inform", Payload: []byte(`{"id":"12"}`)})
	in := uplink.Inbound{Topic: bell.Topic, Payload: bell.Payload}
	rc := s.Receive(s.now, in)
	if rc.Reply == nil || rc.Reply.Topic != "$sys/469948/gw/ota/inform_reply" || !strings.Contains(string(rc.Reply.Payload), `"id":"12","code":403`) {
		t.Fatalf("got %+v", rc)
	}
	s.send(*rc.Reply)
	in.Retained = true
	if rc := s.Receive(s.now, in); rc.Reply != nil {
		t.Errorf("what the broker had kept is answered: %s", rc.Reply.Payload)
	}
	s.clean(t)
}
