package main

import (
	"fmt"
	"time"

	"meterd/dlt645"
)

func runEncode(args []string, s streams) error {
	f := flags("encode", s)
	protocol := f.String("protocol", "2007", "2007 or 1997")
	preamble := f.Int("preamble", 0, "FE bytes in front")
	if err := parse(f, args, 1, -1); err != nil {
		return err
	}
	p, err := dlt645.ParseProtocol(*protocol)
	if err != nil || *preamble < 0 || *preamble > 64 {
		return wrong(f, "-protocol is 2007 or 1997, -preamble 0 to 64")
	}
	frame, err := request(p, f.Args())
	if err != nil {
		return wrong(f, "%v", err)
	}
	b, err := frame.AppendBinary(dlt645.AppendPreamble(nil, *preamble))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%X\n", b)
	return err
}

// request builds the frame that the words ask for.
func request(p dlt645.Protocol, words []string) (dlt645.Frame, error) {
	switch {
	case words[0] == "read" && len(words) == 3:
		a, err := dlt645.ParseAddress(words[1])
		if err != nil {
			return dlt645.Frame{}, err
		}
		di, err := dlt645.ParseDI(words[2])
		if err != nil {
			return dlt645.Frame{}, err
		}
		if di.Protocol != p {
			return dlt645.Frame{}, fmt.Errorf("data identifier %s is one of %s, want one of %s", di, di.Protocol, p)
		}
		return dlt645.ReadRequest(a, di), nil
	case words[0] == "address" && len(words) == 1:
		if p != dlt645.V2007 {
			return dlt645.Frame{}, fmt.Errorf("read address (13H) is a function of 2007 alone")
		}
		return dlt645.AddressRequest(), nil
	case words[0] == "time" && len(words) == 2:
		for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
			if t, err := time.Parse(layout, words[1]); err == nil {
				return dlt645.TimeBroadcast(t), nil
			}
		}
		return dlt645.Frame{}, fmt.Errorf("time %q: write it like \"2026-11-20 10:15:00\"", words[1])
	}
	return dlt645.Frame{}, fmt.Errorf("%q is no request: want read ADDRESS DI, address, or time TIME", words[0])
}
