package config

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"meterd/board"
)

// Network is how a card's board is reached. A board with a root of its own,
// as one with a package, sets its network itself.
type Network struct {
	Given     bool // there is a [network]
	Interface string
	Address   netip.Prefix // zero: DHCP
	Gateway   netip.Addr   // zero: none, or that of DHCP
	DNS       []netip.Addr // none: those of DHCP
	NTP       []string     // names or addresses of servers
	HostName  string
}

// Wanted is what a card's board is brought to.
func (n Network) Wanted() board.Network {
	w := board.Network{Interface: n.Interface, HostName: cmp.Or(n.HostName, defaultHostName)}
	if n.Address.IsValid() {
		w.Address = n.Address.String()
	}
	if n.Gateway.IsValid() {
		w.Gateway = n.Gateway.String()
	}
	for _, a := range n.DNS {
		w.DNS = append(w.DNS, a.String())
	}
	return w
}

const defaultHostName = "meterd"

// defaultInterface is what Linux calls a board's first Ethernet.
const defaultInterface = "eth0"

// dhcp is the address that a server gives.
const dhcp = "dhcp"

var (
	interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`) // IFNAMSIZ is 16 with its zero
	hostName      = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)
)

// mostServers is how many of a kind the network takes.
const mostServers = 3

func (c *Config) network(root *table) {
	n := &c.Network
	n.Given = root.has("network")
	t := root.sub("network", "[network]")
	n.Interface = t.str("interface", defaultInterface)
	if !interfaceName.MatchString(n.Interface) || strings.Contains(n.Interface, "..") {
		t.problem("interface", `like "eth0"`, "[network]: interface = %q is no name of one", n.Interface)
	}
	n.Address = t.prefix("address")
	n.Gateway = t.addr("gateway", t.str("gateway", ""))
	for _, s := range t.few("dns") {
		if a := t.addr("dns", s); a.IsValid() {
			n.DNS = append(n.DNS, a)
		}
	}
	for _, s := range t.few("ntp") {
		if _, err := netip.ParseAddr(s); err != nil && !isHostName(s) {
			t.problem("ntp", `like "ntp.aliyun.com" or "192.168.1.1"`, "[network]: ntp: %q is neither a name nor an address", s)
			continue
		}
		n.NTP = append(n.NTP, s)
	}
	n.HostName = t.str("host_name", "")
	if n.HostName != "" && (!isHostName(n.HostName) || strings.Contains(n.HostName, ".") || len(n.HostName) > 63) {
		t.problem("host_name", "letters, digits and - will do", "[network]: host_name = %q is no name of a host", n.HostName)
	}
	c.fits(t)
	t.finish()
}

// fits tells what does not go together.
func (c *Config) fits(t *table) {
	n := c.Network
	switch {
	case !n.Address.IsValid():
		if n.Gateway.IsValid() && !t.has("address") {
			t.problem("gateway", `add address = "192.168.1.20/24", or leave gateway out`, "[network]: gateway is given, and DHCP gives one of its own")
		}
	case n.Gateway.IsValid() && n.Gateway == n.Address.Addr():
		t.problem("gateway", "", "[network]: gateway %s is the board itself", n.Gateway)
	case n.Gateway.IsValid() && !n.Address.Contains(n.Gateway):
		t.problem("gateway", "is the number after / right?", "[network]: gateway %s is not in the network of %s", n.Gateway, n.Address)
	case !n.Gateway.IsValid():
		t.note("address", true, "add gateway, unless the platform is in this network", "[network]: there is no gateway: nothing outside of %s can be reached", n.Address.Masked())
	}
	if n.Address.IsValid() && len(n.DNS) == 0 && !t.has("dns") {
		t.note("address", true, "add dns, unless brokers are given by address", "[network]: there is no dns: names of hosts are not found")
	}
	if len(n.NTP) > 0 && !c.Clock.Set {
		t.note("ntp", true, "add set = true to [clock]", "[network]: ntp is given, and nothing sets the clock by it")
	}
}

func isHostName(s string) bool { return len(s) <= 253 && hostName.MatchString(s) }

// prefix is an IPv4 address with the length of its network, zero for DHCP.
func (t *table) prefix(key string) netip.Prefix {
	s := t.str(key, dhcp)
	if s == dhcp {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		hint := `"dhcp", or like "192.168.1.20/24"`
		if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
			hint = `add the length of the network, as in "` + s + `/24" for 255.255.255.0`
		}
		t.problem(key, hint, "%s: %s = %q is no address with the length of its network", t.title, key, s)
		return netip.Prefix{}
	case !p.Addr().Is4() || p.Bits() < 8 || p.Bits() > 30 || !usable(p.Addr()) || p.Addr() == p.Masked().Addr() || p.Addr() == last(p):
		t.problem(key, `like "192.168.1.20/24"`, "%s: %s = %q is no address that a board can have", t.title, key, s)
		return netip.Prefix{}
	}
	return p
}

// usable reports whether a host can be reached by an address.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// last gives a network's address for all.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// addr is an IPv4 address, zero for none.
func (t *table) addr(key, s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() || !usable(a) {
		t.problem(key, `like "192.168.1.1"`, "%s: %s: %q is no address of a host", t.title, key, s)
		return netip.Addr{}
	}
	return a
}

// few are the texts of a list that is not long.
func (t *table) few(key string) []string {
	list := t.strings(key)
	if len(list) > mostServers {
		t.problem(key, "", "%s: %s has %d places, want %d at most", t.title, key, len(list), mostServers)
		return nil
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}
