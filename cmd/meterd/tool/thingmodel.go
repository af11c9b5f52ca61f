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
	var of []config.Uplink
	var names []string
	for _, u := range c.Uplinks {
		if u.Kind == *kind && (*name == "" || u.Name == *name) {
			of, names = append(of, u), append(names, u.Name)
		}
	}
	switch {
	case len(of) == 0 && *name != "":
		return cli.Fail("", "%s has no uplink %q of kind %q", f.Arg(0), *name, *kind)
	case len(of) == 0:
		return cli.Fail(fmt.Sprintf("add an [[uplink]] with kind = %q", *kind), "%s has no uplink of kind %q", f.Arg(0), *kind)
	case len(of) > 1:
		return cli.Fail("say which one by -uplink", "%s has several uplinks of kind %q: %s", f.Arg(0), *kind, strings.Join(names, ", "))
	}
	m, ok := of[0].Make(config.Env{}).(uplink.Modeler)
	if !ok {
		return cli.Fail("", "platforms of kind %q are told nothing beforehand", *kind)
	}
	text, err := m.ThingModel()
	if err != nil {
		return fmt.Errorf("uplink %s: %w", of[0].Name, err)
	}
	_, err = fmt.Fprintf(s.Out, "%s\n", strings.TrimRight(string(text), "\n"))
	return err
}
