package das

import (
	"time"

	"meterd/uplink"
)

type loginMessage struct {
	ID     string              `json:"id"`
	Params []map[string]string `json:"params"`
}

// credentials gives what a sub-device logs in with. All but the method is
// signed, with its own secret.
func (d *DAS) credentials(now time.Time, dev *uplink.Device, clientID string) map[string]string {
	p := map[string]string{"productId": d.product(dev), "deviceId": dev.ID, "clientId": clientID}
	if d.trusted() {
		p["timestamp"] = millis(now)
	}
	signature := sign(d.SignMethod, dev.Key, p)
	p["signMethod"], p["sign"] = d.SignMethod, signature
	return p
}

// Register logs a meter in that has a secret. Own choice: its deviceId is its
// clientId.
func (d *DAS) Register(now time.Time, dev *uplink.Device, step int) (uplink.Message, bool) {
	if step > 0 || dev.Key == "" {
		return uplink.Message{}, false
	}
	id := d.nextID()
	m := d.message(topicLogin, id, loginMessage{id, []map[string]string{d.credentials(now, dev, dev.ID)}})
	m.Meter = dev.Address()
	return m, true
}

// Leave logs a meter out that has a secret: its state follows login and logout
// alone.
func (d *DAS) Leave(_ time.Time, dev *uplink.Device) (uplink.Message, []string, bool) {
	if dev.Key == "" {
		return uplink.Message{}, nil, false
	}
	id := d.nextID()
	return d.message(topicLogout, id, loginMessage{id, []map[string]string{{"deviceId": dev.ID}}}), nil, true
}
