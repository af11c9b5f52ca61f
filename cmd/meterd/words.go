package main

import "meterd/cmd/meterd/config"

// What the console offers for completion: each of these gives the words that
// may stand behind args.

func (d *daemon) meterWords(args []string) []string {
	if len(args) > 0 {
		return nil
	}
	var names, addresses []string
	for _, m := range d.config.Meters {
		names = append(names, m.Name)
		addresses = append(addresses, m.Address.String())
	}
	return append(names, addresses...)
}

// pointWords gives meters, then points as often as wanted.
func (d *daemon) pointWords(args []string) []string {
	if len(args) == 0 {
		return d.meterWords(args)
	}
	return d.config.Points.Names()
}

func (d *daemon) busWords(args []string) []string {
	if len(args) > 0 {
		return nil
	}
	var names []string
	for _, b := range d.config.Buses {
		names = append(names, b.Name)
	}
	return names
}

func (d *daemon) uplinkWords(args []string) []string {
	if len(args) > 0 {
		return nil
	}
	var names []string
	for _, u := range d.config.Uplinks {
		names = append(names, u.Name)
	}
	return names
}

func (d *daemon) traceWords(args []string) []string {
	return append(d.busWords(args), "-n", "-f", "-o")
}

func (d *daemon) relayWords(args []string) []string {
	switch len(args) {
	case 0:
		return commandable(d.config.Meters)
	case 1:
		return []string{"trip", "permit", "close", "alarm", "alarm-off", "protect", "protect-off"}
	case 2:
		return []string{"-yes"}
	}
	return nil
}

func (d *daemon) writeWords(args []string) []string {
	switch len(args) {
	case 0:
		return commandable(d.config.Meters)
	case 1:
		return d.config.Points.Names()
	case 3:
		return []string{"-yes"}
	}
	return nil
}

func (d *daemon) meterYesWords(args []string) []string {
	if len(args) == 0 {
		return d.meterWords(args)
	}
	return []string{"-yes"}
}

// commandable gives the names of the meters that have a password, without
// which nothing can be done to them.
func commandable(meters []config.Meter) []string {
	var names []string
	for _, m := range meters {
		if m.HasPassword {
			names = append(names, m.Name)
		}
	}
	return names
}

// choice offers words for the first argument.
func choice(words ...string) func([]string) []string {
	return func(args []string) []string {
		if len(args) > 0 {
			return nil
		}
		return words
	}
}
