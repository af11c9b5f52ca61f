package config

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/das"
	"meterd/uplink/iotkit"
	"meterd/uplink/onenet"
	"meterd/uplink/tuya"
)

// Env is what a platform needs that no configuration tells.
type Env struct {
	Version string
	Built   time.Time // date of the build
	Trusted func(time.Time) bool
	Offer   func(time.Time) // takes the time that the platform knows, at the moment it is called
	// Upgrades takes the platform's packages, and Do sends a request about them;
	// nil: none is taken.
	Upgrades uplink.Upgrades
	Do       func(*http.Request) (*http.Response, error)
	Former   []uplink.Device // that the configuration named before
}

// maker gives a platform by its directory.
type maker func(Env, *uplink.Directory) uplink.Platform

// kind is a platform that the configuration may name.
type kind struct {
	name  string
	table string       // that holds its own keys
	rows  []uplink.Row // what points are called by default; nil: each by its identifier
	read  func(c *Config, t, p *table, u *Uplink) maker
	check func(c *Config, t *table, u *Uplink, dir *uplink.Directory) // what the directory must be; nil: anything
	// cannot tells which values of a point are withheld; nil: none are.
	cannot func(row uplink.Row, p meter.Point) dlt645.Text
	// fields are what [[uplink.device]] may tell of a meter beyond its id.
	fields []string
	// id tells why a meter cannot go by an id there; "": it can. nil: by any.
	id func(u *Uplink, id string) (why string)
}

// kinds is the one list of them.
var kinds = []kind{
	{"tuya", "tuya", tuya.Defaults, (*Config).tuya, (*Config).tuyaNames, tuya.Cannot, tuya.DeviceFields, nil},
	{"onenet", "onenet", nil, (*Config).onenet, (*Config).flatNames, nil, nil, suiteID},
	{"onenet-studio", "onenet", nil, (*Config).studio, (*Config).modelSize, nil, nil, nil},
	{"das", "das", nil, (*Config).das, nil, nil, nil, nil},
	{"iotkit", "iotkit", nil, (*Config).iotkit, (*Config).iotkitNames, nil, nil, nil},
	{"mqtt", "mqtt", nil, (*Config).broker, (*Config).brokerNames, nil, nil, nil},
}

// Kinds names the platforms that the configuration may name.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// platform reads the table of the uplink's kind, its map and its devices, and
// makes its directory.
func (c *Config) platform(t *table, u *Uplink) {
	var of kind
	var build maker
	for _, k := range kinds {
		if u.Kind == "" { // which of them is meant nobody knows: what any of them takes is none's mistake
			t.has(k.table)
			t.has("password")
			of.fields = append(of.fields, k.fields...)
		}
		if k.name != u.Kind {
			continue
		}
		of = k
		p := t.sub(k.table, fmt.Sprintf("%s, [uplink.%s]", t.title, k.table))
		build = k.read(c, t, p, u)
		p.finish()
	}
	rows, at := c.mapRows(t, u)
	devices, places := c.devices(t, u, of)
	if build == nil {
		u.Skip = true
		return
	}
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: devices, Rows: rows, Default: slices.Concat(of.rows, u.more), Points: c.Points})
	for _, clash := range clashes {
		c.clash(t, u, clash, at, places)
	}
	u.Directory = dir
	u.Make = func(e Env) uplink.Platform { return build(e, dir.With(e.Former)) }
	if of.check != nil && len(clashes) == 0 {
		of.check(c, t, u, dir)
	}
}

// clash tells of two meters or two points that the platform could not tell
// from each other, with both lines.
func (c *Config) clash(t *table, u *Uplink, clash uplink.Clash, rows []int, places []string) {
	if clash.What == "identifier" {
		what := "identifier"
		if u.Kind == "tuya" {
			what = "data point"
		}
		key, lines := "", [2]string{"by default", "by default"}
		for i, at := range clash.Places {
			if at >= 0 {
				key = fmt.Sprintf("map[%d]", rows[at])
				lines[i] = fmt.Sprintf("line %d", t.doc.line(join(t.path, key)))
			}
		}
		if clash.Places[1] < 0 { // the default is told first: it is what gives way
			clash.Of[0], clash.Of[1], lines[0], lines[1] = clash.Of[1], clash.Of[0], lines[1], lines[0]
		}
		t.problem(key, fmt.Sprintf("leave one of them out: [[uplink.map]] with point = %q and to = \"\"", clash.Of[0]),
			"%s: %s %q would carry both %s and %s (%s, and %s)", t.title, what, clash.Text, clash.Of[0], clash.Of[1], lines[0], lines[1])
		return
	}
	first, second := places[clash.Places[0]], places[clash.Places[1]]
	hint := "give each an id in [[uplink.device]]"
	if clash.What == "address" {
		hint = "addresses are unique in the world; is one of the two mistyped?"
	}
	t.doc.problems = append(t.doc.problems, newProblem(c.File, t.doc.line(second), hint, "%s: the %s %q is that of meter %q (line %d) and of meter %q (line %d); the platform cannot tell the two apart",
		t.title, clash.What, clash.Text, clash.Of[0], t.doc.line(first), clash.Of[1], t.doc.line(second)))
}

func (c *Config) tuya(t, p *table, u *Uplink) maker {
	if u.Username == "" {
		t.problem("username", "add username = \"…\", the vendor's identifier that Tuya gave you", "%s lacks username, which a tuya uplink requires", t.title)
	}
	level(t, "client_id", u.ClientID)
	conf := tuya.Config{
		Gateway: u.ClientID, Username: u.Username,
		Millis:     p.oneOf("time", "s", "ms") == "ms",
		Phase:      p.oneOf("phase", tuya.PhaseJSON, tuya.PhaseObject, tuya.PhaseBase64),
		Fault:      p.oneOf("fault", tuya.FaultBitmap, tuya.FaultLabel),
		NoFault:    p.oneOf("no_fault", "general", "none"),
		RestampOld: p.oneOf("stale", "drop", "restamp") == "restamp",
		Zone:       c.Gateway.Zone, GatewayProductID: p.str("gateway_product_id", ""),
		Sync: tuya.Sync{
			ProductID: p.required("product_id"), VendorCode: p.str("vendor_code", ""), CommType: p.str("comm_type", "mqtt"),
			DeviceIP: p.str("device_ip", ""), MACAddress: p.str("mac_address", ""), InstallLocation: p.str("install_location", ""),
			DeviceServerID: p.str("device_server_id", ""), ProductSubType: p.str("product_sub_type", ""),
		},
	}
	if conf.NoFault == "none" {
		conf.NoFault = ""
	}
	if u.Board && conf.GatewayProductID == "" {
		t.problem("gateway_state", "add gateway_product_id to [uplink.tuya]: the board is a device of a product of its own there", "%s: gateway_state without uplink.tuya.gateway_product_id", t.title)
	}
	if !u.Board {
		conf.GatewayProductID = ""
	}
	if p.boolean("parameters", false) {
		u.more = tuya.Parameters
	}
	return func(_ Env, dir *uplink.Directory) uplink.Platform {
		conf := conf
		conf.Directory = dir
		return tuya.New(conf)
	}
}

// tuyaNames tells of a meter that goes by the board's own id.
func (c *Config) tuyaNames(t *table, u *Uplink, dir *uplink.Directory) {
	if d := dir.Named(u.ClientID); u.Board && d != nil {
		t.problem("client_id", "give the meter another id in [[uplink.device]]", "%s: the board is a device by its client_id, and meter %q goes by %q too", t.title, d.Meter.Name, u.ClientID)
	}
}

// level tells of a name that would break the topics that it stands in.
func level(t *table, key, name string) {
	if name != "" && !uplink.IsLevel(name) {
		t.problem(key, "copy it as the platform's console shows it", "%s: %s %q stands in topics, where / + # have a meaning", t.title, key, name)
	}
}

// suiteID tells why the old suite does not take an id: it stands in topics, or
// is the name of a stream. What stands in a longer name is looked at with that.
func suiteID(u *Uplink, id string) string {
	switch {
	case u.streams == onenet.StreamsSubdev && !uplink.IsLevel(id):
		return "stands in topics, where / + # have a meaning"
	case u.streams != onenet.StreamsFlat && u.Board && id == onenet.BoardStream:
		return "is the stream of the board itself"
	case u.streams == onenet.StreamsObject && !onenet.StreamName(id):
		return "is the name of a stream: at most 30 of A-Z a-z 0-9 _ . are allowed"
	}
	return ""
}

// onenetIdentity reads what both dialects of OneNET connect with.
func (c *Config) onenetIdentity(p *table) (onenet.Identity, string) {
	i := onenet.Identity{ProductID: p.required("product_id"), Device: p.required("device"), AccessKey: p.required("access_key"), Method: p.oneOf("method", onenet.Methods...), Product: p.oneOf("token", "device", "product") == "product"}
	level(p, "product_id", i.ProductID)
	level(p, "device", i.Device)
	if err := i.Check(); err != nil && i.AccessKey != "" {
		p.problem("access_key", "copy it as the platform's console shows it", "%s: %v", p.title, err)
	}
	return i, p.str("sub_product_id", i.ProductID)
}

func (c *Config) onenet(t, p *table, u *Uplink) maker {
	i, _ := c.onenetIdentity(p)
	p.oneOf("subscribe", "list", "wildcard") // both of the other dialect
	p.boolean("desired", false)
	u.streams = p.oneOf("streams", onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev)
	streams := u.streams
	return func(e Env, dir *uplink.Directory) uplink.Platform {
		i := i
		i.Built = e.Built
		return onenet.NewSuite(onenet.SuiteConfig{Identity: i, Streams: streams, Directory: dir})
	}
}

func (c *Config) studio(t, p *table, u *Uplink) maker {
	i, sub := c.onenetIdentity(p)
	p.oneOf("streams", onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev) // of the other dialect
	wildcard, desired := p.oneOf("subscribe", "list", "wildcard") == "wildcard", p.boolean("desired", false)
	if desired && !wildcard {
		p.problem("desired", `add subscribe = "wildcard": the ten topics of a list have no room for the answers`, "%s: desired without a wildcard", p.title)
	}
	return func(e Env, dir *uplink.Directory) uplink.Platform {
		i := i
		i.Built = e.Built
		conf := onenet.StudioConfig{Identity: i, SubProductID: sub, Wildcard: wildcard, Desired: desired, Directory: dir}
		if e.Upgrades != nil {
			return onenet.NewPuller(conf, c.Update.Server, e.Do, e.Upgrades)
		}
		return onenet.NewStudio(conf)
	}
}

// flatNames tells of names of streams that are longer than the platform takes,
// and of those that two meters would share: an id and an identifier stand in
// them with nothing but "_" between.
func (c *Config) flatNames(t *table, u *Uplink, dir *uplink.Directory) {
	if n := len(dir.Devices()); u.streams == onenet.StreamsSubdev && n > onenet.MostSubdevs {
		t.note("", true, "give the meters to several uplinks, each with a device of its own on the platform, where all are to be sub-devices",
			"%s: %d meters, of which %d have topics of their own, as the platform's limit of subscriptions allows; the other %d have none, and come as streams of the gateway", t.title, n, onenet.MostSubdevs, n-onenet.MostSubdevs)
	}
	if u.streams != onenet.StreamsFlat {
		for _, dev := range dir.Devices() { // where the events of a meter go
			if other := dir.Named(dev.ID + "_event"); other != nil && other.ID == dev.ID+"_event" {
				t.problem("", "give one of them another id in [[uplink.device]]", "%s: the stream %q would be that of meter %q and of meter %q", t.title, other.ID, dev.Meter.Name, other.Meter.Name)
			}
		}
		return
	}
	told := map[string]bool{}
	owner := map[string]string{} // of a stream
	for _, dev := range dir.Devices() {
		for _, g := range dev.Meter.Groups {
			for _, point := range g.Points {
				for _, row := range dir.Rows(point.Name) {
					name := dev.ID + "_" + row.To
					if !told[point.Name] && !onenet.StreamName(name) {
						told[point.Name] = true
						t.problem("", fmt.Sprintf(`give the point a shorter name: [[uplink.map]] with point = %q, or streams = "object"`, point.Name),
							"%s: the stream %q has %d characters, at most 30 of A-Z a-z 0-9 _ . are allowed", t.title, name, len(name))
					}
					if other, twice := owner[name]; twice && other != dev.Meter.Name && !told[name] {
						told[name] = true
						t.problem("", "give one of them another id in [[uplink.device]]", "%s: the stream %q would be that of meter %q and of meter %q", t.title, name, other, dev.Meter.Name)
					}
					owner[name] = dev.Meter.Name
				}
			}
		}
	}
}

// mostModel is how many function points a thing model of Studio holds: all
// properties, events and services of it.
const mostModel = 100

// modelSize warns of more properties than the thing model of the meters can
// define.
func (c *Config) modelSize(t *table, u *Uplink, dir *uplink.Directory) {
	names := map[string]bool{}
	for _, dev := range dir.Devices() {
		for _, g := range dev.Meter.Groups {
			for _, point := range g.Points {
				for _, row := range dir.Rows(point.Name) {
					names[row.To] = true
				}
			}
		}
	}
	if len(names) > mostModel {
		t.note("", true, `poll fewer points, or leave some out: [[uplink.map]] with to = ""; what the model lacks is refused`,
			"%s: its meters have %d properties, a thing model of OneNET Studio holds %d", t.title, len(names), mostModel)
	}
}

func (c *Config) das(t, p *table, u *Uplink) maker {
	conf := das.Config{
		Gateway: u.ClientID, ProductID: p.required("product_id"), DeviceID: p.required("device_id"), DeviceSecret: p.required("device_secret"),
		SignMethod: p.oneOf("sign_method", das.SignSHA256, das.SignMD5, das.SignSHA1),
		TLS:        u.Endpoint.TLS != nil, SubProductID: p.str("sub_product_id", ""),
		Shadow: p.boolean("shadow", false), Exclusive: p.boolean("exclusive", false),
	}
	level(p, "product_id", conf.ProductID)
	level(p, "device_id", conf.DeviceID)
	if len(conf.Gateway) > mostClientID {
		t.problem("client_id", "", "%s: client_id has %d characters, at most %d are allowed", t.title, len(conf.Gateway), mostClientID)
	}
	return func(e Env, dir *uplink.Directory) uplink.Platform {
		conf := conf
		conf.Directory = dir
		conf.Trusted = func() bool { return e.Trusted(time.Now()) }
		conf.Offer, conf.Version, conf.Upgrades = e.Offer, e.Version, e.Upgrades
		return das.New(conf)
	}
}

// mostClientID is the longest client id that DAS takes.
const mostClientID = 64

func (c *Config) iotkit(t, p *table, u *Uplink) maker {
	conf := iotkit.Config{
		ProductKey: p.required("product_key"), ProductSecret: p.required("product_secret"), DeviceName: p.required("device_name"), Model: p.required("model"),
		SubProductKey: p.required("sub_product_key"), SubModel: p.required("sub_model"),
		Backfill: p.oneOf("backfill", iotkit.BackfillLatest, iotkit.BackfillAll, iotkit.BackfillEvent),
		Enjoyiot: p.oneOf("platform", "iotkit", "enjoyiot") == "enjoyiot", Shadow: p.boolean("shadow", false), TellsBoard: u.Board,
	}
	if conf.Shadow && !conf.Enjoyiot {
		p.problem("shadow", `add platform = "enjoyiot": no other one's document has a shadow`, "%s: shadow without platform = \"enjoyiot\"", p.title)
		conf.Shadow = false
	}
	u.prefix = p.str("prefix", "")
	u.iotkit = conf
	return func(e Env, dir *uplink.Directory) uplink.Platform {
		conf := conf
		conf.Directory = dir
		conf.Trusted = func() bool { return e.Trusted(time.Now()) }
		return iotkit.New(conf)
	}
}

// iotkitNames tells of names that the platform would not take.
func (c *Config) iotkitNames(t *table, u *Uplink, dir *uplink.Directory) {
	conf := u.iotkit
	conf.Directory = dir
	if err := iotkit.Check(conf); err != nil && conf.ProductKey != "" && conf.DeviceName != "" && conf.Model != "" && conf.ProductSecret != "" && conf.SubProductKey != "" {
		t.problem("iotkit", "the names are those of the platform's console", "%s, [uplink.iotkit]: %v", t.title, err)
	}
}

// broker reads what a broker of one's own is told, and what counts as delivered
// there.
func (c *Config) broker(t, p *table, u *Uplink) maker {
	conf := broker.Config{
		Gateway: c.Gateway.ID, ClientID: u.ClientID, Username: u.Username, Password: t.str("password", ""),
		Layout:    p.oneOf("layout", broker.LayoutJSON, broker.LayoutFlat, broker.LayoutThingsBoard),
		Prefix:    p.str("prefix", "meterd"),
		Discovery: p.oneOf("discovery", "", broker.HomeAssistant), Acknowledge: p.oneOf("acknowledge", broker.AcknowledgePuback, broker.AcknowledgeOnline, broker.AcknowledgeReply),
	}
	conf.Consumer = p.str("consumer", conf.Prefix+"/consumer/status")
	if conf.Password != "" && conf.Username == "" {
		t.problem("password", "add username, or leave password out", "%s: a password without a username", t.title)
	}
	u.broker = conf
	return func(e Env, dir *uplink.Directory) uplink.Platform {
		conf := conf
		conf.Directory, conf.Version = dir, e.Version
		conf.Trusted = func() bool { return e.Trusted(time.Now()) }
		return broker.New(conf)
	}
}

// brokerNames tells of choices that do not go together, and of names that
// cannot stand in a topic.
func (c *Config) brokerNames(t *table, u *Uplink, dir *uplink.Directory) {
	conf := u.broker
	conf.Directory = dir
	for _, wrong := range broker.Check(conf) {
		key := wrong.Key
		if key != "" && key != "map" {
			key = "mqtt." + key
		}
		t.problem(key, "", "%s: %s", t.title, wrong.Text)
	}
}

// mapRows reads [[uplink.map]]. It gives the rows without a mistake, and the
// place of each.
func (c *Config) mapRows(t *table, u *Uplink) (rows []uplink.Row, at []int) {
	for i, mt := range t.list("map", "[[uplink.map]]") {
		mt.title = t.title + ", [[uplink.map]]"
		row := uplink.Row{Point: mt.required("point"), To: mt.str("to", ""), Scale: int(mt.integer("scale", -1, 0, 12))}
		if row.Point != "" && !c.isPoint(row.Point) {
			hint := "a map row names one point, not a family"
			if near := nearest(row.Point, c.Points.Names()); near != "" && near != row.Point {
				hint = fmt.Sprintf("do you mean %q?", near)
			}
			mt.problem("point", hint, "%s: there is no point %q", mt.title, row.Point)
		}
		if !mt.has("to") {
			mt.problem("", `add to = "…", or to = "" to leave the point out`, "%s lacks to", mt.title)
		}
		good := c.isPoint(row.Point)
		if u.Kind == "tuya" && good {
			good = c.takes(mt, row)
		}
		mt.finish()
		if good {
			rows, at = append(rows, row), append(at, i)
		}
	}
	return rows, at
}

// takes reports whether the platform's data point takes the row's point. A
// wrong unit is a mistake too, but the row still fills the data point.
func (c *Config) takes(mt *table, row uplink.Row) bool {
	if row.To == "" {
		return true
	}
	if why := tuya.Takes(row.Point, row.To); why != "" {
		mt.problem("to", "the ids of the platform's data points go from \"1\" to \"59\"", "%s: %s", mt.title, why)
		return false
	}
	if p, ok := c.Points.Lookup(row.Point); ok && !tuya.Fits(p.Unit, row.To) {
		mt.problem("to", "", "%s: data point %q has another unit than %s, which is in %q", mt.title, row.To, row.Point, p.Unit)
	}
	return true
}

// isPoint reports whether a map may name a point.
func (c *Config) isPoint(name string) bool {
	_, ok := c.Points.Lookup(name)
	return ok
}

// devices gives who each meter is on the platform: by default prefix and
// address. Places are where each is described.
func (c *Config) devices(t *table, u *Uplink, of kind) (out []uplink.Device, places []string) {
	named, at := map[string]uplink.Device{}, map[string]string{}
	for _, dt := range t.list("device", "[[uplink.device]]") {
		dt.title = t.title + ", [[uplink.device]]"
		name := dt.required("meter")
		d := uplink.Device{ID: dt.str("id", ""), ProductID: dt.str("product_id", ""), Key: dt.str("key", "")}
		for _, f := range of.fields {
			if dt.has(f) {
				if d.Fields == nil {
					d.Fields = map[string]string{}
				}
				d.Fields[f] = dt.str(f, "")
			}
		}
		if first, twice := at[name]; twice {
			dt.problem("meter", "", "%s: meter %q has two entries, this and line %d", dt.title, name, dt.doc.line(first))
		}
		if !slices.ContainsFunc(c.Meters, func(m Meter) bool { return m.Name == name }) && name != "" {
			dt.problem("meter", "the name of a [[meter]]", "%s: there is no meter %q", dt.title, name)
		}
		if d.ID != "" && len(d.ID) > mostDeviceID {
			dt.problem("id", "", "%s: id has %d characters, at most %d are allowed", dt.title, len(d.ID), mostDeviceID)
		}
		if of.id != nil && d.ID != "" {
			if why := of.id(u, d.ID); why != "" {
				dt.problem("id", "give it another name on the platform", "%s: the id %q %s", dt.title, d.ID, why)
			}
		}
		named[name], at[name] = d, dt.path
		dt.finish()
	}
	for i, m := range c.Meters {
		if m.Address == (dlt645.Address{}) || slices.ContainsFunc(c.Meters[:i], func(o Meter) bool { return o.Address == m.Address }) {
			continue // told already
		}
		d, place := named[m.Name], at[m.Name]
		if place == "" {
			place = fmt.Sprintf("meter[%d]", i)
		}
		d.Meter = m.Handle
		if d.ID == "" {
			d.ID = u.prefix + m.Address.String()
		}
		out, places = append(out, d), append(places, place)
	}
	return out, places
}

// mostDeviceID bounds the ids of meters, which stand in topics and in the ids
// of commands.
const mostDeviceID = 64
