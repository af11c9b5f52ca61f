package uplink

import (
	"fmt"
	"testing"

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
	n := NewNaming([]Row{{"voltage.a", "Ua", -1}, {"power.active.total", "P", 3}, {"frequency", "", -1}, {"current.a", "I1", 0}, {"current.a", "I2", 2}})
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
	for key, point := range map[string]string{"Ua": "voltage.a", "voltage_b": "voltage.b", "voltage_a": "", "energy_forward_total": "energy.forward.total", "frequency": ""} {
		if p, ok := n.Point(key, &meter.Points{}); p != point || ok != (point != "") {
			t.Errorf("%s is %q, want %q", key, p, point)
		}
	}
}
