package main

import (
	"encoding/json"
	"fmt"
	"runtime"
)

func runVersion(args []string, s streams) error {
	f := flags("version", s)
	asJSON := f.Bool("json", false, "as a JSON object")
	if err := parse(f, args, 0, 0); err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(s.out).Encode(map[string]string{
			"version": version, "build_date": buildDate, "go": runtime.Version(), "arch": runtime.GOARCH,
		})
	}
	_, err := fmt.Fprintf(s.out, "meterd %s (%s, %s %s)\n", version, buildDate, runtime.Version(), runtime.GOARCH)
	return err
}
