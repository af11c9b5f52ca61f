package panel

import (
	"meterd/board"
	"meterd/cmd/meterd/console"
)

// network tells how a card's network is; nil where a board has one of its own
// and nobody asks for another.
func (p *Panel) network() *console.NetworkStatus {
	n := p.Config.Network
	if !board.OnCard() {
		if n.Given {
			return &console.NetworkStatus{}
		}
		return nil
	}
	l := board.LookAt(n.Interface)
	return &console.NetworkStatus{Ours: true, Interface: n.Interface, DHCP: !n.Address.IsValid(), There: l.There, Cable: l.Cable, Addresses: l.Addresses}
}
