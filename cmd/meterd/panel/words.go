package panel

import (
	"meterd/cmd/meterd/config"
	"meterd/dlt645"
)

// What the console offers for completion: each of these gives the words that
// may stand after args.

func (p *Panel) meterWords(args []string) []string {
	if len(args) > 0 {
		return nil
	}
	var names, addresses []string
	for _, m := range p.Config.Meters {
		names = append(names, m.Name)
		addresses = append(addresses, m.Address.String())
	}
	return append(names, addresses...)
}

// pointWords gives meters, then points as often as wanted.
func (p *Panel) pointWords(args []string) []string {
	if len(args) == 0 {
		return p.meterWords(args)
	}
	return p.Config.Points.Names()
}

func (p *Panel) busWords(args []string) []string {
	if len(args) > 0 {
		return nil
	}
	var names []string
	for _, b := range p.Config.Buses {
		names = append(names, b.Name)
	}
	return names
}

func (p *Panel) uplinkWords(args []string) []string {
	if len(args) > 0 {
		return nil
	}
	var names []string
	for _, u := range p.Config.Uplinks {
		names = append(names, u.Name)
	}
	return names
}

func (p *Panel) traceWords(args []string) []string {
	return append(p.busWords(args), "-n", "-f", "-o")
}

func (p *Panel) relayWords(args []string) []string {
	switch len(args) {
	case 0:
		return commandable(p.Config.Meters)
	case 1:
		return dlt645.CommandWords()
	case 2:
		return []string{"-yes"}
	}
	return nil
}

func (p *Panel) writeWords(args []string) []string {
	switch len(args) {
	case 0:
		return commandable(p.Config.Meters)
	case 1:
		return p.Config.Points.Names()
	case 3:
		return []string{"-yes"}
	}
	return nil
}

func (p *Panel) meterYesWords(args []string) []string {
	if len(args) == 0 {
		return p.meterWords(args)
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
