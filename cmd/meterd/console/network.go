package console

import (
	"strings"

	"meterd/dlt645"
)

// NetworkStatus is the network of a board: where it is ours to set, how its
// interface is.
type NetworkStatus struct {
	// Ours is that of a card. On another board the system sets it, and [network]
	// is left alone.
	Ours      bool     `json:"ours"`
	Interface string   `json:"interface"`
	DHCP      bool     `json:"dhcp"`
	There     bool     `json:"there"`
	Cable     bool     `json:"cable"`
	Addresses []string `json:"addresses"`
}

// problems tells what keeps the board from its network.
func (n *NetworkStatus) problems(p *problems) {
	switch {
	case n == nil:
	case !n.Ours:
		p.add(dlt645.Text{EN: "[network] is left alone: this board's own system sets its network", ZH: "[network] 不生效：本板的网络由其自身系统设置"},
			dlt645.Text{EN: "take [network] out; it is for cards", ZH: "请去掉 [network]；它只用于存储卡镜像"})
	case !n.There:
		p.add(dlt645.Text{EN: "network: the board has no interface %s", ZH: "网络：本板没有网口 %s"},
			dlt645.Text{EN: "see [network] interface", ZH: "请检查 [network] 的 interface"}, n.Interface)
	case !n.Cable:
		p.add(dlt645.Text{EN: "network: nothing is plugged into %s, or it is off", ZH: "网络：%s 未插网线，或对端未上电"},
			dlt645.Text{EN: "check the cable and the switch", ZH: "请检查网线和交换机"}, n.Interface)
	case len(n.Addresses) == 0 && n.DHCP:
		p.add(dlt645.Text{EN: "network: %s has no address, no DHCP server answers", ZH: "网络：%s 没有地址，DHCP 服务器无应答"},
			dlt645.Text{EN: "give [network] address, gateway and dns, if there is none", ZH: "若没有 DHCP，请在 [network] 中给出 address、gateway 和 dns"}, n.Interface)
	case len(n.Addresses) == 0:
		p.add(dlt645.Text{EN: "network: %s has no address yet", ZH: "网络：%s 尚无地址"},
			dlt645.Text{EN: "see [network] address", ZH: "请检查 [network] 的 address"}, n.Interface)
	}
}

// line tells it in one, "" where it is not ours.
func (n *NetworkStatus) line(lang string) string {
	if n == nil || !n.Ours {
		return ""
	}
	how := dlt645.Text{EN: "fixed", ZH: "固定"}
	if n.DHCP {
		how = dlt645.Text{EN: "by DHCP", ZH: "DHCP"}
	}
	return fit(say(lang, dlt645.Text{EN: "network %s  %s  %s", ZH: "网络 %s  %s  %s"}, n.Interface, how.In(lang), strings.Join(n.Addresses, " ")), width)
}
