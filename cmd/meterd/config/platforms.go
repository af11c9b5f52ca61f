package config

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/iotkit"
	"meterd/uplink/onenet"
	"meterd/uplink/tuya"
)

// Env is what a platform needs that no configuration tells.
type Env struct {
	Built   time.Time // date of the build
	Trusted func(time.Time) bool
	Offer   func(time.Time) // takes the time that the platform knows, at the moment it is called
}

// maker gives a platform of its rows and devices.
type maker func(Env, []uplink.Row, []device) uplink.Platform

// kinds are the platforms, each with the key of its table and what reads it.
var kinds = []struct {
	kind, table string
	read        func(c *Config, t, p *table, u *Uplink) maker
}{
	{"tuya", "tuya", (*Config).tuya},
	{"onenet", "onenet", (*Config).onenet},
	{"onenet-studio", "onenet", (*Config).studio},
	{"das", "das", (*Config).das},
	{"iotkit", "iotkit", (*Config).iotkit},
}

// platform reads the table of the uplink's kind, its map and its devices.
func (c *Config) platform(t *table, u *Uplink) {
	var build maker
	prefix := ""
	for _, k := range kinds {
		if u.Kind == "" {
			t.has(k.table) // which of them is meant nobody knows
		}
		if k.kind != u.Kind {
			continue
		}
		p := t.sub(k.table, fmt.Sprintf("%s, [uplink.%s]", t.title, k.table))
		build = k.read(c, t, p, u)
		if k.kind == "iotkit" {
			prefix = p.str("prefix", "")
		}
		p.finish()
	}
	rows := c.mapRows(t, u)
	devices := c.devices(t, prefix)
	if build == nil {
		u.Skip = true
		return
	}
	u.Make = func(e Env) uplink.Platform { return build(e, rows, devices) }
	c.flatNames(t, u, devices, rows)
}

func (c *Config) tuya(t, p *table, u *Uplink) maker {
	if u.Username == "" {
		t.problem("username", "add username = \"…\", the vendor's identifier that Tuya gave you", "%s lacks username, which a tuya uplink requires", t.title)
	}
	conf := tuya.Config{
		Gateway: u.ClientID, Username: u.Username,
		Millis:     p.oneOf("time", "s", "ms") == "ms",
		Phase:      p.oneOf("phase", tuya.PhaseJSON, tuya.PhaseObject, tuya.PhaseBase64),
		Fault:      p.oneOf("fault", tuya.FaultBitmap, tuya.FaultLabel),
		RestampOld: p.oneOf("stale", "drop", "restamp") == "restamp",
		Points:     c.Points, Zone: c.Gateway.Zone,
	}
	all := tuya.Device{
		ProductID: p.required("product_id"), VendorCode: p.str("vendor_code", ""), CommType: p.str("comm_type", "mqtt"),
		DeviceIP: p.str("device_ip", ""), MACAddress: p.str("mac_address", ""), InstallLocation: p.str("install_location", ""),
		DeviceServerID: p.str("device_server_id", ""), ProductSubType: p.str("product_sub_type", ""),
	}
	return func(_ Env, rows []uplink.Row, devices []device) uplink.Platform {
		conf := conf
		conf.Map = tuyaRows(rows)
		for _, d := range devices {
			one := all
			one.Meter, one.CID, one.Name, one.ProductID = d.Meter, d.ID, d.Name, cmp.Or(d.ProductID, all.ProductID)
			conf.Devices = append(conf.Devices, one)
		}
		return tuya.New(conf)
	}
}

func tuyaRows(rows []uplink.Row) []tuya.Row {
	var out []tuya.Row
	for _, r := range rows {
		out = append(out, tuya.Row(r))
	}
	return out
}

// onenetIdentity reads what both dialects of OneNET connect with.
func (c *Config) onenetIdentity(p *table) (onenet.Identity, string) {
	i := onenet.Identity{ProductID: p.required("product_id"), Device: p.required("device"), AccessKey: p.required("access_key"), Method: p.oneOf("method", onenet.Methods...)}
	if err := i.Check(); err != nil && i.AccessKey != "" {
		p.problem("access_key", "copy it as the platform's console shows it", "%s: %v", p.title, err)
	}
	return i, p.str("sub_product_id", i.ProductID)
}

func onenetDevices(devices []device) []onenet.Device {
	var out []onenet.Device
	for _, d := range devices {
		out = append(out, onenet.Device{Meter: d.Meter, ID: d.ID, Key: d.Key})
	}
	return out
}

func (c *Config) onenet(t, p *table, u *Uplink) maker {
	i, _ := c.onenetIdentity(p)
	u.streams = p.oneOf("streams", onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev)
	streams := u.streams
	return func(e Env, rows []uplink.Row, devices []device) uplink.Platform {
		i.Built = e.Built
		return onenet.NewSuite(onenet.SuiteConfig{Identity: i, Streams: streams, Devices: onenetDevices(devices), Rows: rows, Points: c.Points})
	}
}

func (c *Config) studio(t, p *table, u *Uplink) maker {
	i, sub := c.onenetIdentity(p)
	p.oneOf("streams", onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev) // of the other dialect
	return func(e Env, rows []uplink.Row, devices []device) uplink.Platform {
		i.Built = e.Built
		return onenet.NewStudio(onenet.StudioConfig{Identity: i, SubProductID: sub, Devices: onenetDevices(devices), Rows: rows, Points: c.Points})
	}
}

// flatNames tells of names of streams that are longer than the platform takes.
func (c *Config) flatNames(t *table, u *Uplink, devices []device, rows []uplink.Row) {
	if u.streams != onenet.StreamsFlat {
		return
	}
	naming := uplink.NewNaming(rows)
	told := map[string]bool{}
	for _, m := range c.Meters {
		i := slices.IndexFunc(devices, func(d device) bool { return d.Meter == m.Address })
		p, ok := c.profile(m.Profile)
		if i < 0 || !ok {
			continue
		}
		for _, g := range p.Groups {
			for _, point := range g.Points {
				for _, key := range naming.Keys(point.Name) {
					name := devices[i].ID + "_" + key
					if !told[point.Name] && !onenet.StreamName(name) {
						told[point.Name] = true
						t.problem("", fmt.Sprintf(`give the point a shorter name: [[uplink.map]] with point = %q, or streams = "object"`, point.Name),
							"%s: the stream %q has %d characters, at most 30 of A-Z a-z 0-9 _ . are allowed", t.title, name, len(name))
					}
				}
			}
		}
	}
}

func (c *Config) das(t, p *table, u *Uplink) maker {
	conf := das.Config{
		Gateway: u.ClientID, ProductID: p.required("product_id"), DeviceID: p.required("device_id"), DeviceSecret: p.required("device_secret"),
		SignMethod: p.oneOf("sign_method", das.SignSHA256, das.SignMD5, das.SignSHA1),
		TLS:        u.Endpoint.TLS != nil, SubProductID: p.str("sub_product_id", ""), Points: c.Points,
	}
	if len(conf.Gateway) > mostClientID {
		t.problem("client_id", "", "%s: client_id has %d characters, at most %d are allowed", t.title, len(conf.Gateway), mostClientID)
	}
	return func(e Env, rows []uplink.Row, devices []device) uplink.Platform {
		conf := conf
		conf.Rows = rows
		conf.Trusted = func() bool { return e.Trusted(time.Now()) }
		conf.Offer = e.Offer
		for _, d := range devices {
			conf.Devices = append(conf.Devices, das.Device{Meter: d.Meter, ID: d.ID, ProductID: d.ProductID, Secret: d.Key})
		}
		return das.New(conf)
	}
}

// mostClientID is the longest client id that DAS takes.
const mostClientID = 64

func (c *Config) iotkit(t, p *table, u *Uplink) maker {
	conf := iotkit.Config{
		ProductKey: p.required("product_key"), ProductSecret: p.required("product_secret"), DeviceName: p.required("device_name"), Model: p.required("model"),
		SubProductKey: p.required("sub_product_key"), SubModel: p.required("sub_model"),
		Prefix: p.str("prefix", ""), Backfill: p.oneOf("backfill", iotkit.BackfillLatest, iotkit.BackfillAll, iotkit.BackfillEvent), Points: c.Points,
	}
	if err := iotkit.Check(conf); err != nil && conf.ProductKey != "" && conf.DeviceName != "" && conf.Model != "" && conf.ProductSecret != "" && conf.SubProductKey != "" {
		p.problem("", "the names are those of the platform's console", "%s: %v", p.title, err)
	}
	return func(_ Env, rows []uplink.Row, devices []device) uplink.Platform {
		conf := conf
		conf.Rows = rows
		for _, d := range devices {
			conf.Devices = append(conf.Devices, iotkit.Device{Meter: d.Meter, Name: d.ID})
		}
		return iotkit.New(conf)
	}
}

// mapRows reads [[uplink.map]].
func (c *Config) mapRows(t *table, u *Uplink) []uplink.Row {
	var rows, good []uplink.Row
	for _, mt := range t.list("map", "[[uplink.map]]") {
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
		if u.Kind == "tuya" && c.takes(mt, row) && c.isPoint(row.Point) {
			good = append(good, row)
		}
		mt.finish()
		rows = append(rows, row)
	}
	if dp, first, second := tuya.Conflict(tuyaRows(good)); dp != "" {
		at := slices.IndexFunc(rows, func(r uplink.Row) bool { return r.To == dp })
		t.problem(fmt.Sprintf("map[%d]", at), fmt.Sprintf("leave one of them out: [[uplink.map]] with point = %q and to = \"\"", first),
			"%s: data point %q would carry both %s and %s", t.title, dp, first, second)
	}
	return rows
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

// device is a meter on a platform.
type device struct {
	Meter                    dlt645.Address
	Name, ID, ProductID, Key string
}

// devices gives who each meter is on the platform: by default prefix and
// address.
func (c *Config) devices(t *table, prefix string) []device {
	named := map[string]device{}
	for _, dt := range t.list("device", "[[uplink.device]]") {
		dt.title = t.title + ", [[uplink.device]]"
		name := dt.required("meter")
		d := device{ID: dt.str("id", ""), ProductID: dt.str("product_id", ""), Key: dt.str("key", "")}
		if _, twice := named[name]; twice {
			dt.problem("meter", "", "%s: meter %q has two entries", dt.title, name)
		}
		if !slices.ContainsFunc(c.Meters, func(m Meter) bool { return m.Name == name }) && name != "" {
			dt.problem("meter", "the name of a [[meter]]", "%s: there is no meter %q", dt.title, name)
		}
		named[name] = d
		dt.finish()
	}
	var out []device
	ids := map[string]string{}
	known := map[dlt645.Address]bool{}
	for _, m := range c.Meters {
		d := named[m.Name]
		d.Meter, d.Name = m.Address, m.Name
		if d.ID == "" {
			d.ID = prefix + m.Address.String()
		}
		if other, twice := ids[d.ID]; twice && !known[m.Address] {
			t.problem("", "give each an id in [[uplink.device]]", "%s: meters %q and %q have the same id %q", t.title, other, m.Name, d.ID)
		}
		ids[d.ID] = m.Name
		if !known[m.Address] {
			out = append(out, d)
		}
		known[m.Address] = true
	}
	return out
}
