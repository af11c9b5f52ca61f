package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"meterd/board"
	"meterd/dlt645"
	"meterd/meter"
)

// Rates of both editions (clause 5.1.4 and the baud word of 17H), and the
// faster ones that later meters and converters have.
var bauds = []int64{300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200}

func (c *Config) buses(root *table) {
	tables := root.list("bus", "[[bus]]")
	if !root.has("bus") && c.Blank {
		root.note("", false, "add a [[bus]] with name and port", "there is no [[bus]], no [[meter]] and no [[uplink]]: nothing is read")
		root.confined()
	} else if !root.has("bus") {
		root.problem("", "add a [[bus]] with name and port", "there is no [[bus]]: nothing can be read")
	}
	ports := map[string]string{}
	for _, t := range tables {
		b := Bus{Name: t.required("name"), Port: t.required("port")}
		if slices.ContainsFunc(c.Buses, func(o Bus) bool { return o.Name == b.Name }) && b.Name != "" {
			t.problem("name", "give each bus a name of its own", "two buses have the name %q", b.Name)
		}
		if other, ok := ports[b.Port]; ok && b.Port != "" {
			t.problem("port", "one port is one bus", "%s: port %q belongs to bus %q already", t.title, b.Port, other)
		}
		ports[b.Port] = b.Name
		c.portName(t, b.Port)
		if board.IsTCP(b.Port) {
			if err := board.CheckTCP(b.Port); err != nil {
				t.problem("port", "a device, or tcp://host:port", "%s: port %v", t.title, err)
			}
			b.Timing.MostTimeout = meter.MostTimeoutTCP
		}
		c.timing(t, &b)
		t.finish()
		c.Buses = append(c.Buses, b)
	}
}

// windowsPort is what Windows calls a serial port.
var windowsPort = regexp.MustCompile(`(?i)^(\\\\\.\\)?com[0-9]+:?$`)

// portName sees that a port is a device by its path, or an address.
func (c *Config) portName(t *table, port string) {
	const hint = `a board calls its ports "/dev/ttyS1", "/dev/ttyUSB0"; ls /dev/tty* on it shows which there are`
	switch {
	case port == "" || port[0] == '/' || board.IsTCP(port):
	case windowsPort.MatchString(port):
		t.problem("port", hint, "%s: port %q is what Windows calls a port", t.title, port)
	case strings.HasPrefix(port, "tty"):
		t.problem("port", fmt.Sprintf("do you mean %q?", "/dev/"+port), "%s: port %q is no device and no address", t.title, port)
	case board.CheckTCP("tcp://"+port) == nil:
		t.problem("port", fmt.Sprintf("do you mean %q?", "tcp://"+port), "%s: port %q is no device and no address", t.title, port)
	default:
		t.problem("port", hint, "%s: port %q is no device and no address", t.title, port)
	}
}

func (c *Config) timing(t *table, b *Bus) {
	baud := t.integer("baud", 2400, 0, 1<<31)
	if !slices.Contains(bauds, baud) {
		t.problem("baud", "one of 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200", "%s: baud = %d is no rate of DL/T 645", t.title, baud)
		baud = 2400
	}
	b.Timing.Baud = int(baud)
	b.Parity = t.oneOf("parity", board.Parities...)
	b.Timing.Bits = 11
	if b.Parity == "none" {
		b.Timing.Bits = 10
	}
	switch rs485 := t.str("rs485", "auto"); {
	case rs485 == "auto", rs485 == "kernel":
		b.RS485 = rs485
	case strings.HasPrefix(rs485, "gpio:"):
		b.RS485 = rs485
		if _, _, err := board.ParseGPIO(strings.TrimPrefix(rs485, "gpio:")); err != nil {
			t.problem("rs485", `like "gpio:gpiochip0:17"`, "%s: rs485: %v", t.title, err)
		}
	default:
		t.problem("rs485", `"auto", "kernel" or "gpio:CHIP:LINE"`, "%s: rs485 = %q is not known", t.title, rs485)
	}
	if b.RS485 != "" && b.RS485 != "auto" && board.IsTCP(b.Port) {
		t.problem("rs485", "the serial server turns its line", "%s: rs485 = %q has no meaning for a serial server", t.title, b.RS485)
	}
	b.Timing.Preamble = 4
	if t.auto("preamble") {
		b.Timing.AutoPreamble = true
	} else {
		b.Timing.Preamble = int(t.integer("preamble", 4, 0, 16))
	}
	b.Timing.Timeout = time.Second
	if _, given := t.get("timeout"); t.auto("timeout") || !given && board.IsTCP(b.Port) {
		b.Timing.AutoTimeout = true // a network has its own delays
	} else {
		b.Timing.Timeout = t.duration("timeout", time.Second, 50*time.Millisecond, time.Minute)
	}
	b.Timing.ByteTimeout = t.duration("byte_timeout", 500*time.Millisecond, 5*time.Millisecond, 10*time.Second)
	b.Timing.Gap = t.duration("gap", 30*time.Millisecond, 0, 10*time.Second)
	b.Timing.Retries = int(t.integer("retries", 1, 0, 10))
	b.Probe = t.duration("probe", 5*time.Minute, time.Second, 24*time.Hour)
	b.SyncClocks = t.boolean("sync_clocks", false)
	b.HistoryShare = int(t.integer("history_share", 20, 1, 50))
}

// builtin are the profiles that need no configuration. One of the same name
// replaces them.
var builtin = []struct {
	name   string
	groups []struct {
		every  time.Duration
		points []string
	}
}{
	{"single-phase", []struct {
		every  time.Duration
		points []string
	}{
		{time.Minute, []string{"voltage.a", "current.a", "power.active.total", "power.factor.total", "frequency"}},
		{15 * time.Minute, []string{"energy.forward", "relay", "fault"}},
		{time.Hour, seldom},
		{6 * time.Hour, boundaries},
		{24 * time.Hour, parameters},
	}},
	{"three-phase", []struct {
		every  time.Duration
		points []string
	}{
		{time.Minute, []string{"voltage", "current", "power.active", "power.reactive", "power.factor", "frequency"}},
		{15 * time.Minute, []string{"energy.forward", "energy.reverse", "status", "power.apparent.total"}},
		{time.Hour, append([]string{"energy.reactive1.total", "energy.phase"}, seldom...)},
		{6 * time.Hour, boundaries},
		{24 * time.Hour, parameters},
	}},
}

// What the built-in profiles read beside, and seldom: a meter may lack any of
// it. The nameplate is read once a day anyway.
var (
	seldom     = []string{"temperature", "count.trip", "credit.energy"}
	boundaries = []string{"freeze.daily.time", "settlement.time"}
	parameters = []string{"limit.voltage", "limit.power", "limit.credit", "delay.current"}
)

func (c *Config) profiles(root *table) {
	for _, t := range root.list("profile", "[[profile]]") {
		p := Profile{Name: t.required("name")}
		if _, ok := c.profile(p.Name); ok {
			t.problem("name", "give each profile a name of its own", "two profiles have the name %q", p.Name)
		}
		polls := t.list("poll", "[[profile.poll]]")
		if len(polls) == 0 {
			t.problem("", "add a [[profile.poll]] with every and points", "%s says nothing that is to be read", t.title)
		}
		for _, pt := range polls {
			pt.title = fmt.Sprintf("%s, [[profile.poll]]", t.title)
			if g, ok := c.group(pt); ok {
				p.Groups = append(p.Groups, g)
			}
		}
		c.history(&p, t)
		t.finish()
		c.Profiles = append(c.Profiles, p)
	}
	for _, b := range builtin {
		if _, ok := c.profile(b.name); ok {
			continue
		}
		p := Profile{Name: b.name}
		for _, g := range b.groups {
			group := meter.Group{Every: g.every}
			for _, name := range g.points {
				found, _ := c.Points.Expand(name)
				group.Points = append(group.Points, found...)
			}
			p.Groups = append(p.Groups, group)
		}
		c.Profiles = append(c.Profiles, p)
	}
}

func (c *Config) profile(name string) (Profile, bool) {
	for _, p := range c.Profiles {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

func (c *Config) group(t *table) (meter.Group, bool) {
	g := meter.Group{Every: t.duration("every", 0, time.Second, 30*24*time.Hour)}
	if !t.has("every") {
		t.problem("", `add every = "1m"`, "%s lacks every, which is required", t.title)
	}
	names := t.strings("points")
	if list, ok := t.values["points"].([]any); len(list) == 0 && (ok || !t.has("points")) && !t.leftOut("points") {
		t.problem("points", `add points = ["voltage", …]`, "%s names no points", t.title)
	}
	for _, name := range names {
		found, ok := c.Points.Expand(name)
		if !ok {
			hint := "meterd points prints all names"
			if near := nearest(name, c.Points.Names()); near != "" {
				hint = fmt.Sprintf("do you mean %q?", near)
			}
			t.problem("points", hint, "%s: there is no point %q", t.title, name)
		}
		g.Points = append(g.Points, found...)
	}
	t.finish()
	return g, g.Every > 0 && len(g.Points) > 0
}

func (c *Config) meters(root *table) {
	tables := root.list("meter", "[[meter]]")
	if !root.has("meter") && !c.Blank {
		root.problem("", "add a [[meter]] with name, bus, address and profile", "there is no [[meter]]: nothing can be read")
	}
	for _, t := range tables {
		m := Meter{Handle: &meter.Handle{Name: t.required("name"), Bus: t.required("bus")}, Profile: t.required("profile")}
		m.Address = c.address(t)
		c.unlike(t, m)
		c.references(t, &m)
		c.meterRest(t, &m)
		if p, ok := c.profile(m.Profile); ok {
			m.Groups, m.History = p.Groups, p.History
		}
		t.finish()
		c.Meters = append(c.Meters, m)
	}
}

// unlike tells of two meters that one could take for each other: by name, by
// address, or by a name that is the other's address.
func (c *Config) unlike(t *table, m Meter) {
	none := dlt645.Address{}
	told := map[string]bool{} // by key: of many alike the first is told
	tell := func(key, hint, format string, args ...any) {
		if !told[key] {
			t.problem(key, hint, format, args...)
		}
		told[key] = true
	}
	for k, o := range c.Meters {
		if m.Name != o.Name && m.Address != o.Address && len(m.Name) != dlt645.AddressDigits && len(o.Name) != dlt645.AddressDigits {
			continue // most are unlike
		}
		line := func() place { return t.doc.where(fmt.Sprintf("meter[%d]", k)) }
		if m.Name == o.Name && m.Name != "" {
			tell("name", "give each meter a name of its own", "two meters have the name %q, this and %s", m.Name, line())
		}
		switch {
		case m.Address != o.Address || m.Address == none:
		case m.Bus == o.Bus:
			tell("address", "each address is once on a line", "%s: address %s on bus %q belongs to meter %q already, %s", t.title, m.Address, m.Bus, o.Name, line())
		default:
			tell("address", "addresses are unique in the world; is one of the two mistyped?",
				"%s: address %s is also that of meter %q on bus %q, %s; neither the record nor a platform could tell the two apart", t.title, m.Address, o.Name, o.Bus, line())
		}
		for _, pair := range [][2]Meter{{m, o}, {o, m}} {
			if len(pair[0].Name) == dlt645.AddressDigits && pair[0].Name == pair[1].Address.String() && pair[1].Address != none && pair[0].Address != pair[1].Address {
				tell("name", "a name that is no other meter's address", "a meter has the name %q, which is the address of meter %q; this and %s", pair[0].Name, pair[1].Name, line())
			}
		}
	}
}

func (c *Config) address(t *table) dlt645.Address {
	s := t.required("address")
	if s == "" {
		return dlt645.Address{}
	}
	hint := "12 digits, as printed on the meter"
	if meant := addressMeant(s); meant != "" && meant != s {
		hint = fmt.Sprintf("do you mean %q?", meant)
	}
	n := utf8.RuneCountInString(s)
	if n == dlt645.AddressDigits && narrow(s) != s {
		t.problem("address", hint, "%s: a wide sign of a Chinese keyboard: %s", t.title, firstWide(s))
		return dlt645.Address{}
	}
	if n != dlt645.AddressDigits {
		if len(s) < dlt645.AddressDigits && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
			hint = fmt.Sprintf("%d digits: is a zero missing in front? a shorter address is filled with zeros on the left: %q", len(s), strings.Repeat("0", dlt645.AddressDigits-len(s))+s)
		}
		t.problem("address", hint, "%s: address %q has %d characters, want 12 digits", t.title, s, n)
		return dlt645.Address{}
	}
	a, err := dlt645.ParseAddress(s)
	if err != nil {
		t.problem("address", hint, "%s: address %q holds a character that is no digit", t.title, s)
		return dlt645.Address{}
	}
	if !a.IsMeter() {
		t.problem("address", "12 digits, as printed on the meter", "%s: address %q is not one meter's own", t.title, s)
		return dlt645.Address{}
	}
	return a
}

// addressMeant gives the address that a text holds besides what people put
// around and between its digits, or with letters that look like digits; "" if it
// holds none.
func addressMeant(s string) string {
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, s)
	}
	s = narrow(s)
	for _, meant := range []string{digits(s), digits(strings.NewReplacer("O", "0", "o", "0", "I", "1", "l", "1").Replace(s))} {
		if len(meant) == dlt645.AddressDigits {
			return meant
		}
	}
	return ""
}

// references checks the names of bus and profile.
func (c *Config) references(t *table, m *Meter) {
	var buses, profiles []string
	for _, b := range c.Buses {
		buses = append(buses, b.Name)
	}
	for _, p := range c.Profiles {
		profiles = append(profiles, p.Name)
	}
	unknown := func(key, name string, known []string) {
		if name == "" || len(known) == 0 || slices.Contains(known, name) {
			return
		}
		hint := "there are: " + quoteAll(known)
		if near := nearest(name, known); near != "" {
			hint = fmt.Sprintf("do you mean %q?", near)
		}
		t.problem(key, hint, "%s: there is no %s %q", t.title, key, name)
	}
	unknown("bus", m.Bus, buses)
	unknown("profile", m.Profile, profiles)
}

// actions are what a platform may be allowed to do to a meter.
func actions() []string {
	var names []string
	for _, o := range meter.Operations {
		names = append(names, string(o))
	}
	return names
}

func (c *Config) meterRest(t *table, m *Meter) {
	switch t.oneOf("protocol", "2007", "1997", "auto") {
	case "1997":
		m.Protocol = dlt645.V1997
	case "auto":
		m.Auto = true
	}
	m.Access.Password, m.HasPassword = c.fourBytes(t, "password")
	m.Access.Operator, _ = c.fourBytes(t, "operator")
	m.CT, m.PT = t.ratio("ct"), t.ratio("pt")
	m.MaxPower = t.power("max_power")
	known := actions()
	secret := false
	for _, a := range t.strings("allow") {
		if !slices.Contains(known, a) {
			t.problem("allow", "known are "+quoteAll(known), "%s: allow holds %q, which is not known", t.title, a)
			continue
		}
		m.Allow = append(m.Allow, meter.Operation(a))
		secret = secret || meter.Operation(a).Secret()
	}
	if secret && !m.HasPassword {
		t.note("allow", true, "add password, PA P0 P1 P2 as 8 hexadecimal digits", "%s: what allow names needs the meter's password", t.title)
	}
	relay := t.sub("relay", t.title+", relay")
	for key, usual := range map[string]dlt645.Command{"trip": dlt645.CommandTrip, "permit": dlt645.CommandPermit, "close": dlt645.CommandClose} {
		s := relay.str(key, fmt.Sprintf("%02X", byte(usual)))
		if !isHex(s, 2) {
			relay.problem(key, `the code N1 of 1CH, like "1A"`, "%s: %s = %q must have 2 hexadecimal digits", relay.title, key, s)
			continue
		}
		n, _ := strconv.ParseUint(s, 16, 8)
		if c := dlt645.Command(n); c != usual {
			if m.Codes == nil {
				m.Codes = map[dlt645.Command]dlt645.Command{}
			}
			m.Codes[usual] = c
		}
	}
	relay.finish()
}

// ratio reads the ratio of transformers.
func (t *table) ratio(key string) int64 {
	if s, ok := t.values[key].(string); ok && formHint(key, "a whole number", s) == "" && !t.doc.guessed[t.doc.lines[join(t.path, key)]] {
		t.get(key)
		t.problem(key, ratioHint, "%s: %s = %q is no ratio", t.title, key, brief(s))
		return 1
	}
	return t.integer(key, 1, 1, 100000)
}

// fourBytes reads 8 hexadecimal digits; false if the key is not given.
func (c *Config) fourBytes(t *table, key string) (b [4]byte, given bool) {
	s := t.str(key, "")
	if !t.has(key) {
		return b, false
	}
	if !isHex(s, 8) {
		t.problem(key, `8 hexadecimal digits in the order of the wire, like "02123456"`, "%s: %s must have 8 hexadecimal digits", t.title, key)
		return b, true
	}
	n, _ := strconv.ParseUint(s, 16, 32)
	return [4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, true
}

func isHex(s string, n int) bool {
	return len(s) == n && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
}
