package tool

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"

	"meterd/cmd/meterd/cli"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/tuya"
)

// pointJSON is the shape of docs/cli.md.
type pointJSON struct {
	Point      string   `json:"point"`
	DI2007     string   `json:"di2007,omitempty"`
	DI1997     string   `json:"di1997,omitempty"`
	Unit       string   `json:"unit,omitempty"`
	From       []string `json:"derived_from,omitempty"`
	Tuya       []string `json:"tuya,omitempty"` // data points
	Identifier string   `json:"identifier"`     // on all other platforms
}

// Points is the command "points".
func Points(f *flag.FlagSet, args []string, s cli.Streams) error {
	asJSON := f.Bool("json", false, "as a list of JSON objects")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return err
	}
	all := points()
	if *asJSON {
		return json.NewEncoder(s.Out).Encode(all)
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "point\t2007\t1997\tunit\ttuya\tother platforms")
	for _, p := range all {
		di := p.DI2007
		if len(p.From) > 0 {
			di = "from " + strings.Join(p.From, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Point, di, p.DI1997, p.Unit, strings.Join(p.Tuya, ", "), p.Identifier)
	}
	return w.Flush()
}

func points() []pointJSON {
	var known meter.Points
	var all []pointJSON
	for _, name := range known.Names() {
		p, ok := known.Lookup(name)
		if !ok || len(all) > 0 && all[len(all)-1].Point == name { // a family alone, or one that has its first member's name
			continue
		}
		out := pointJSON{Point: name, Unit: p.Unit, From: p.From, Identifier: uplink.Identifier(name)}
		if p.From == nil {
			out.DI2007 = p.DI.String()
		}
		if p.Old.Code != 0 {
			out.DI1997 = p.Old.String()
		}
		for _, row := range tuya.Defaults {
			if row.Point == name {
				out.Tuya = append(out.Tuya, row.To)
			}
		}
		all = append(all, out)
	}
	return all
}
