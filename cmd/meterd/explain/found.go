package explain

import (
	"fmt"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// Found is a meter that a scan found.
type Found struct {
	meter.Discovery
	Bus string // that the configuration is to name
}

// MarshalJSON gives the shape of `scan -json`.
func (f Found) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"address":%q,"protocol":%q,"baud":%d,"ms":%v}`, f.Address, f.Protocol, f.Baud, Millis(f.Took)), nil
}

// Text gives the [[meter]] that the configuration needs.
func (f Found) Text(string) string {
	return fmt.Sprintf("[[meter]]\nname     = %q\nbus      = %q\naddress  = %q\nprotocol = %q\nprofile  = \"three-phase\"   # %d baud, answered in %.0f ms\n\n",
		"meter "+f.Address.String()[6:], f.Bus, f.Address, f.Protocol, f.Baud, Millis(f.Took))
}

// FoundHeading is the heading of the table whose rows CSV gives.
const FoundHeading = "name,address,bus,profile,protocol"

// CSV gives a row of the table that [[meters]] file = reads.
func (f Found) CSV() string {
	return fmt.Sprintf("meter %s,%s,%s,three-phase,%s", f.Address.String()[6:], f.Address, f.Bus, f.Protocol)
}

// Millis gives a time in milliseconds, to a tenth.
func Millis(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond).Microseconds()) / 1000
}

// ScanText tells how far a search for meters is.
func ScanText(at meter.Progress, found int) dlt645.Text {
	done, left := 100*at.Done, at.Left.Round(time.Second)
	return dlt645.Text{
		EN: fmt.Sprintf("%s, %d baud: %d found, %.0f %% done, about %v left", at.Edition, at.Baud, found, done, left),
		ZH: fmt.Sprintf("%s，%d bps：找到 %d 块，已完成 %.0f %%，约剩 %v", at.Edition, at.Baud, found, done, left),
	}
}
