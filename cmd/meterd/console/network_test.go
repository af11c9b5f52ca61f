package console

import (
	"strings"
	"testing"
)

func TestNetworkIsTold(t *testing.T) {
	for _, tt := range []struct {
		name   string
		n      *NetworkStatus
		en, zh string // what is wrong, "" if nothing
		line   string
	}{
		{"none", nil, "", "", ""},
		{"of another board", &NetworkStatus{}, "[network] is left alone", "[network] 不生效", ""},
		{"no interface", &NetworkStatus{Ours: true, Interface: "eth1"}, "no interface eth1", "没有网口 eth1", "network eth1  fixed"},
		{"no cable", &NetworkStatus{Ours: true, Interface: "eth0", There: true}, "nothing is plugged into eth0", "eth0 未插网线", "network eth0  fixed"},
		{"no address", &NetworkStatus{Ours: true, Interface: "eth0", There: true, Cable: true, DHCP: true}, "no DHCP server answers", "DHCP 服务器无应答", "network eth0  by DHCP"},
		{"well", &NetworkStatus{Ours: true, Interface: "eth0", There: true, Cable: true, DHCP: true, Addresses: []string{"10.0.2.15/24"}}, "", "", "network eth0  by DHCP  10.0.2.15/24"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for lang, want := range map[string]string{"en": tt.en, "zh": tt.zh} {
				p := &problems{lang: lang}
				tt.n.problems(p)
				if want == "" && len(p.list) > 0 || want != "" && (len(p.list) != 1 || !strings.Contains(p.list[0].what, want) || p.list[0].todo == "") {
					t.Errorf("%s: got %v, want %q", lang, p.list, want)
				}
			}
			if got := strings.TrimSpace(tt.n.line("en")); got != tt.line {
				t.Errorf("got %q, want %q", got, tt.line)
			}
		})
	}
}
