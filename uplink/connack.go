package uplink

import (
	"context"
	"errors"
	"strings"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"meterd/dlt645"
)

// refusal explains a refused connect: what the broker said, and what to look
// at. Credentials tells that trying again soon may get the board banned.
type refusal struct {
	err         error
	Words       string
	Hint        dlt645.Text
	Credentials bool
}

func (r *refusal) Error() string { return "broker refused the connection: " + r.Words }
func (r *refusal) Unwrap() error { return r.err }

// refusals are the CONNACK codes of MQTT 3.1.1, clause 3.2.2.3.
var refusals = []refusal{
	{packets.ErrorRefusedBadProtocolVersion, "protocol version not accepted (1)", dlt645.Text{EN: "is broker the address of an MQTT 3.1.1 broker?", ZH: "broker 是否为 MQTT 3.1.1 服务器的地址？"}, false},
	{packets.ErrorRefusedIDRejected, "client id or keepalive not accepted (2)", dlt645.Text{EN: "check client_id, and keepalive against what the platform allows", ZH: "请检查 client_id，以及 keepalive 是否在平台允许范围内"}, true},
	{packets.ErrorRefusedServerUnavailable, "server unavailable (3)", dlt645.Text{EN: "the platform is in trouble; meterd goes on trying", ZH: "平台暂不可用；meterd 将继续重试"}, false},
	{packets.ErrorRefusedBadUsernameOrPassword, "bad user name or password (4)", dlt645.Text{EN: "check username, client_id and the ids and secrets of this uplink", ZH: "请检查 username、client_id 以及该上行的标识和密钥"}, true},
	{packets.ErrorRefusedNotAuthorised, "not authorised (5)", dlt645.Text{EN: "check username, client_id, ids and secrets, and that the device is enabled on the platform", ZH: "请检查 username、client_id、标识和密钥，并确认设备已在平台启用"}, true},
}

// explain turns a paho error of a connect into words.
func explain(err error) error {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return &r
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	// paho's own words in front tell nobody anything.
	return errors.New(strings.TrimPrefix(err.Error(), "network Error : "))
}
