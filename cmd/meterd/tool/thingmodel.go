package tool

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
	"meterd/uplink"
)

// modelled are the kinds of platforms that are told beforehand what they get.
var modelled = []string{"onenet-studio", "das", "iotkit", "tuya"}

// ThingModel is the command "thing-model".
func ThingModel(f *flag.FlagSet, args []string, s cli.Streams) error {
	kind := f.String("kind", "", "the platform: "+strings.Join(modelled, ", "))
	name := f.String("uplink", "", "the name of the uplink, where several are of that kind")
	if err := cli.Parse(f, args, 1, 1); err != nil {
		return err
	}
	if !slices.Contains(modelled, *kind) {
		return cli.Wrong(f, "-kind is one of %s", strings.Join(modelled, ", "))
	}
	c, problems := config.Load(f.Arg(0))
	if config.Failed(problems) {
		return cli.Fail("meterd check "+f.Arg(0)+" tells them", "%s has mistakes", f.Arg(0))
	}
	var of []uplink.Modeler
	for _, u := range c.Uplinks {
		if u.Kind == *kind && (*name == "" || u.Name == *name) {
			if m, ok := u.Make(config.Env{}).(uplink.Modeler); ok {
				of = append(of, m)
			}
		}
	}
	if len(of) != 1 {
		return cli.Fail("-uplink NAME says which one of several is meant", "%s has %d uplinks of kind %q %s", f.Arg(0), len(of), *kind, *name)
	}
	text, err := of[0].ThingModel()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s\n", strings.TrimRight(string(text), "\n"))
	return err
}
