package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestNetwork(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // what is told, "" if nothing
		hint       string
		warning    bool
	}{
		{"by DHCP", ``, "", "", false},
		{"by DHCP, said", `address = "dhcp"`, "", "", false},
		{"all", "address = \"192.168.1.20/24\"\ngateway = \"192.168.1.1\"\ndns = [\"223.5.5.5\"]\nhost_name = \"meter-1\"", "", "", false},
		{"DHCP with dns of its own", "address = \"dhcp\"\ndns = [\"223.5.5.5\"]", "", "", false},
		{"no length", "address = \"192.168.1.20\"\ndns = []", "no address with the length", `"192.168.1.20/24"`, false},
		{"a word", "address = \"static\"", "no address with the length", `"dhcp"`, false},
		{"the network itself", "address = \"192.168.1.0/24\"\ndns = []", "no address that a board can have", "192.168.1.20/24", false},
		{"the address for all", "address = \"192.168.1.63/26\"\ndns = []", "no address that a board can have", "192.168.1.20/24", false},
		{"a host's own network", "address = \"192.168.1.1/32\"\ndns = []", "no address that a board can have", "192.168.1.20/24", false},
		{"loopback", "address = \"127.0.0.2/8\"\ndns = []", "no address that a board can have", "192.168.1.20/24", false},
		{"IPv6", "address = \"fd00::2/64\"\ndns = []", "no address that a board can have", "192.168.1.20/24", false},
		{"gateway elsewhere", "address = \"192.168.1.20/24\"\ngateway = \"192.168.2.1\"\ndns = []", "not in the network of 192.168.1.20/24", "after /", false},
		{"gateway is the board", "address = \"192.168.1.20/24\"\ngateway = \"192.168.1.20\"\ndns = []", "the board itself", "", false},
		{"gateway alone", "gateway = \"192.168.2.1\"", "DHCP gives one of its own", "address =", false},
		{"no gateway", "address = \"192.168.1.20/24\"\ndns = []", "nothing outside of 192.168.1.0/24", "add gateway", true},
		{"no dns", "address = \"192.168.1.20/24\"\ngateway = \"192.168.1.1\"", "names of hosts are not found", "add dns", true},
		{"ntp in vain", "ntp = [\"ntp.aliyun.com\"]", "nothing sets the clock", "set = true", true},
		{"too many", "dns = [\"1.1.1.1\", \"1.1.1.2\", \"1.1.1.3\", \"1.1.1.4\"]", "4 places, want 3 at most", "", false},
		{"a host's name with dots", "host_name = \"a.b\"", "no name of a host", "letters", false},
		{"a shell's word", "host_name = \"a;reboot\"", "no name of a host", "letters", false},
		{"a server's name that is none", "ntp = [\"$(reboot)\"]\n[clock]\nset = true", "neither a name nor an address", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, problems := Parse("m.toml", minimal+"[network]\n"+tt.text+"\n")
			if !c.Network.Given || c.Network.Interface != "eth0" {
				t.Errorf("got %+v", c.Network)
			}
			if tt.want == "" {
				if len(problems) > 0 {
					t.Errorf("got %v", problems)
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(fmt.Sprint(problems[0]), tt.want) || problems[0].Warning != tt.warning || !strings.Contains(fmt.Sprint(problems[0]), tt.hint) {
				t.Errorf("got %v, want %q, hint %q", problems, tt.want, tt.hint)
			}
		})
	}
	c, _ := Parse("m.toml", minimal)
	if c.Network.Given {
		t.Error("a network is given that is not")
	}
	c, _ = Parse("m.toml", minimal+"[network]\naddress = \"10.0.0.2/8\"\ngateway = \"10.0.0.1\"\ndns = [\"10.0.0.1\"]\n")
	if n := c.Network; n.Address != netip.MustParsePrefix("10.0.0.2/8") || n.Gateway != netip.MustParseAddr("10.0.0.1") || len(n.DNS) != 1 {
		t.Errorf("got %+v", n)
	}
}
