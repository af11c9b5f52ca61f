package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"runtime"

	"meterd/cmd/meterd/cli"
)

func runVersion(f *flag.FlagSet, args []string, s cli.Streams) error {
	asJSON := f.Bool("json", false, "as a JSON object")
	if err := cli.Parse(f, args, 0, 0); err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(s.Out).Encode(map[string]string{
			"version": version, "build_date": buildDate, "go": runtime.Version(), "arch": runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintf(s.Out, "meterd %s (%s, %s %s)\n", version, buildDate, runtime.Version(), runtime.GOARCH)
	return err
}
