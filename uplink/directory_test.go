package uplink

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meterd/dlt645"
	"meterd/meter"
)

func TestNamingOfPoints(t *testing.T) {
	number := func(s string) dlt645.Value {
		d, err := dlt645.ParseDecimal(s)
		if err != nil {
			t.Fatal(err)
		}
		return dlt645.Value{Kind: dlt645.Number, Dec: d}
	}
	n, clashes := NewDirectory(DirectoryConfig{Rows: []Row{{"voltage.a", "Ua", -1}, {"power.active.total", "P", 3}, {"frequency", "", -1}, {"current.a", "I1", 0}, {"current.a", "I2", 2}}})
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	var got []string
	for _, v := range n.Values([]meter.PointValue{
		{Point: "voltage.a", Value: number("220.10")}, {Point: "voltage.b", Value: number("-0.0")}, {Point: "power.active.total", Value: number("-1.2345")},
		{Point: "frequency", Value: number("50.00")}, {Point: "current.a", Value: number("1.250")}, {Point: "relay", Value: dlt645.Value{Kind: dlt645.Characters, Text: `clo"sed`}},
		{Point: "status.3", Value: dlt645.Value{Kind: dlt645.Bits, Text: "0050"}}, {Point: "current.b"}, {Point: "current.c", Value: dlt645.Value{Kind: dlt645.Invalid, Text: "AB"}},
	}) {
		got = append(got, v.Key+"="+string(v.JSON))
	}
	want := `[Ua=220.10 voltage_b=0.0 P=-1235 I1=1 I2=125 relay="clo\"sed" status_3="0050"]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for key, point := range map[string]string{
		"Ua": "voltage.a", "voltage_b": "voltage.b", "voltage_a": "", "energy_forward_total": "energy.forward.total", "frequency": "",
		"energy_forward_t63": "energy.forward.t63", "energy_forward_t64": "", "voltage": "voltage", "voltage.b": "", "": "",
	} {
		if r, ok := n.Point(key); r.Point != point && ok || ok != (point != "") {
			t.Errorf("%s is %q (%v), want %q", key, r.Point, ok, point)
		}
	}
	for word, point := range map[string]string{"Ua": "voltage.a", "voltage.a": "voltage.a", "voltage.b": "voltage.b", "voltage": "voltage", "frequency": "", "nothing": ""} {
		if r, ok := n.Asked(word); r.Point != point && ok || ok != (point != "") {
			t.Errorf("who asks for %s gets %q (%v), want %q", word, r.Point, ok, point)
		}
	}
	for _, c := range []struct{ key, text, want string }{{"P", "1500", "1.5"}, {"I2", "125", "1.25"}, {"Ua", "220.10", "220.10"}, {"P", "x", ""}, {"P", "", ""}, {"P", "null", ""}} {
		r, _ := n.Point(c.key)
		if got, ok := r.Unscaled(c.text); got != c.want || ok != (c.want != "") {
			t.Errorf("%s set to %q is %q, want %q", c.key, c.text, got, c.want)
		}
	}
}

func handle(name string, last byte) *meter.Handle {
	return &meter.Handle{Name: name, Address: dlt645.Address{0, 0, 0, 0, 0, last}}
}

func TestTwoOfAnythingClash(t *testing.T) {
	a, b := handle("a", 1), handle("b", 2)
	for _, c := range []struct {
		what string
		conf DirectoryConfig
		want string // "": none
	}{
		{"two meters", DirectoryConfig{Devices: []Device{{Meter: a, ID: "x"}, {Meter: b, ID: "y"}}}, ""},
		{"one id", DirectoryConfig{Devices: []Device{{Meter: a, ID: "x"}, {Meter: b, ID: "x"}}}, `id "x" is that of "a" and of "b"`},
		{"one address", DirectoryConfig{Devices: []Device{{Meter: a, ID: "x"}, {Meter: handle("c", 1), ID: "y"}}}, `address "000000000001" is that of "a" and of "c"`},
		{"an id that is another's address", DirectoryConfig{Devices: []Device{{Meter: a, ID: "000000000002"}, {Meter: b, ID: "y"}}}, `id "000000000002" is that of "a" and of "b"`},
		{"an id that is its own address", DirectoryConfig{Devices: []Device{{Meter: a, ID: "000000000001"}, {Meter: b, ID: "y"}}}, ""},
		{"two points on one identifier", DirectoryConfig{Rows: []Row{{"voltage.a", "U", -1}, {"voltage.b", "U", -1}}}, `identifier "U" is that of "voltage.a" and of "voltage.b"`},
		{"a row on another's default", DirectoryConfig{Rows: []Row{{"voltage.a", "voltage_b", -1}}}, `identifier "voltage_b" is that of "voltage.a" and of "voltage.b"`},
		{"a row on a default that gave way", DirectoryConfig{Rows: []Row{{"voltage.a", "voltage_b", -1}, {"voltage.b", "", -1}}}, ""},
		{"a row on a family's name", DirectoryConfig{Rows: []Row{{"voltage.a", "voltage", -1}}}, ""},
		{"one row twice", DirectoryConfig{Rows: []Row{{"voltage.a", "U", 1}, {"voltage.a", "U", 2}}}, `identifier "U" is that of "voltage.a" and of "voltage.a"`},
		{"two default rows", DirectoryConfig{Default: []Row{{"voltage.a", "5", -1}, {"voltage.b", "5", -1}}}, `identifier "5" is that of "voltage.a" and of "voltage.b"`},
	} {
		_, clashes := NewDirectory(c.conf)
		var told []string
		for _, clash := range clashes {
			told = append(told, clash.String())
		}
		if got := strings.Join(told, "; "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

// TestADirectoryHasOneHitOrNone draws directories whose ids and addresses
// collide: where there is no clash, each word leads to the one meter that it
// names, and to no other.
// TestFormerMetersHaveTheirPlaceAndNoName: what was read of them is delivered as
// it was told before, and nobody can ask for anything of them.
func TestFormerMetersHaveTheirPlaceAndNoName(t *testing.T) {
	a, b, c := dlt645.Address{1}, dlt645.Address{2}, dlt645.Address{3}
	device := func(a dlt645.Address, id string) Device {
		return Device{Meter: &meter.Handle{Name: "unit " + id, Address: a}, ID: id}
	}
	d, clashes := NewDirectory(DirectoryConfig{Devices: []Device{device(a, "one")}})
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	more := d.With([]Device{device(b, "one"), device(c, "three"), device(a, "old")})
	for _, x := range []struct {
		of     dlt645.Address
		id     string
		former bool
	}{{a, "one", false}, {b, "one", true}, {c, "three", true}} {
		if dev := more.Of(x.of); dev == nil || dev.ID != x.id || dev.Former != x.former {
			t.Errorf("%v is %+v, want %q, former %v", x.of, dev, x.id, x.former)
		}
	}
	for name, want := range map[string]*dlt645.Address{"one": &a, a.String(): &a, "three": nil, "old": nil, b.String(): nil, c.String(): nil} {
		if dev := more.Named(name); (dev == nil) != (want == nil) || dev != nil && dev.Address() != *want {
			t.Errorf("named %q is %+v", name, dev)
		}
	}
	if dev := more.Told("three"); dev == nil || dev.Address() != c {
		t.Errorf("told of as three is %+v", dev)
	}
	if dev := more.Told("one"); dev == nil || dev.Address() != a {
		t.Errorf("told of as one is %+v", dev)
	}
	if len(d.Devices()) != 1 || len(more.Devices()) != 3 || d.With(nil) != d {
		t.Errorf("%d devices, and %d with former ones", len(d.Devices()), len(more.Devices()))
	}
}

func TestADirectoryHasOneHitOrNone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{"a", "b", "000000000001", "000000000002", "000000000003", "A", "meter 1", ""})
		var devices []Device
		for i := range rapid.IntRange(1, 4).Draw(t, "meters") {
			h := handle(words.Draw(t, "name"), byte(rapid.IntRange(1, 3).Draw(t, "address")))
			id := words.Draw(t, "id")
			if id == "" {
				id = h.Address.String()
			}
			devices = append(devices, Device{Meter: h, ID: id, N: i})
		}
		d, clashes := NewDirectory(DirectoryConfig{Devices: devices})
		names := map[string]map[*meter.Handle]bool{} // by which of its words a meter goes
		for _, dev := range devices {
			for _, w := range []string{dev.ID, dev.Address().String()} {
				if names[w] == nil {
					names[w] = map[*meter.Handle]bool{}
				}
				names[w][dev.Meter] = true
			}
		}
		ambiguous := false
		for _, of := range names {
			ambiguous = ambiguous || len(of) > 1
		}
		if ambiguous != (len(clashes) > 0) {
			t.Fatalf("clashes %v of %v", clashes, devices)
		}
		if ambiguous {
			return
		}
		for _, w := range []string{"a", "b", "000000000001", "000000000002", "000000000003", "A", "meter 1", ""} {
			dev := d.Named(w)
			if (dev != nil) != (len(names[w]) == 1) || dev != nil && !names[w][dev.Meter] {
				t.Fatalf("%q leads to %+v in %v", w, dev, devices)
			}
		}
		for _, dev := range devices {
			if of := d.Of(dev.Address()); of == nil || of.Meter != dev.Meter {
				t.Fatalf("%v leads to %+v", dev.Address(), of)
			}
		}
	})
}
