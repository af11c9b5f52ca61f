package tool

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

func reading(t *testing.T, boot uint32, at time.Time, uptime time.Duration, trusted bool) []byte {
	t.Helper()
	r := meter.Reading{Meter: dlt645.Address{1}, Boot: boot, Time: at, Round: at, Uptime: uptime, Trusted: trusted,
		Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}}
	rec, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestDumpAndExportDateWhatWasTakenInDoubt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring")
	ring, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Codec: meter.Packing{}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	ring.Append(reading(t, 3, time.UnixMilli(1000), time.Minute, false))
	ring.Append(reading(t, 3, began.Add(2*time.Minute), 2*time.Minute, true))
	if err := ring.Flush(); err != nil {
		t.Fatal(err)
	}
	ring.Close()
	want := began.Add(time.Minute).Local().Format("2006-01-02T15:04:05.000Z07:00")
	for _, what := range []string{"dump", "export"} {
		r := run(Ring, "", what, path)
		if r.status != 0 {
			t.Fatalf("%s: exit status %d: %s", what, r.status, r.err)
		}
		n := 0
		for line := range strings.Lines(r.out) {
			if strings.Contains(line, want) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d lines have the time %s:\n%s", what, n, want, r.out)
		}
	}
}

// TestAReportOfARing is a whole page, also without a configuration; with one it
// has the names and the zone of that.
func TestAReportOfARing(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "ring"), filepath.Join(dir, "meterd.toml")
	ring, err := store.Open(path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Codec: meter.Packing{}})
	if err != nil {
		t.Fatal(err)
	}
	ring.Append(reading(t, 3, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), time.Minute, true))
	if err := ring.Flush(); err != nil {
		t.Fatal(err)
	}
	ring.Close()
	conf := "[gateway]\nid = \"gw7\"\ntimezone = \"Asia/Shanghai\"\n[store]\npath = \"/data/r\"\n[[bus]]\nname = \"b\"\nport = \"/dev/ttyS1\"\n" +
		"[[meter]]\nname = \"Shop\"\nbus = \"b\"\naddress = \"010000000000\"\nprofile = \"single-phase\"\n"
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{`"name":"010000000000"`, `"status":null`, `"now":1795161600`}},
		{[]string{"-config", file}, []string{`"gateway":"gw7"`, `"name":"Shop"`, `"offsets":[[1792598400,28800]]`, `"configured":true`}},
	} {
		r := run(Ring, "", append(append([]string{"report"}, c.args...), path)...)
		if r.status != 0 {
			t.Fatalf("exit status %d: %s", r.status, r.err)
		}
		for _, want := range append(c.want, "<!doctype html>", `["voltage.a","220.1","V"]`, `id="end">true</script>`) {
			if !strings.Contains(r.out, want) {
				t.Errorf("%q has not %s", c.args, want)
			}
		}
	}
	if r := run(Ring, "", "report", "-config", path, path); r.status != 1 || !strings.Contains(r.err, "has mistakes") {
		t.Errorf("a wrong configuration: status %d, %s", r.status, r.err)
	}
}
