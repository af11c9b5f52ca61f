// Package das speaks the dialect of the platform DAS AIoT: the gateway's own
// device connects, the meters are its sub-devices, and one message carries
// values of many of them, each with its own time.
//
// Sources: "MQTT协议接入" of 2025-02-08 and the pages of "消息通信Topic"
// (apifox project 2703425, docs.dasaiot.com). What these leave open is decided
// here and marked "own choice" where it is done. In short:
//
//   - Several readings of one meter in a message stand in several entries of
//     subDevices with the same identity.
//   - A meter that logs in has messages of its own, which wait for its login.
//   - Events are the gateway's, since only its own event topic is documented;
//     the meter stands in the value.
//   - A command to a property tells its meter by "identity" beside params, by
//     one entry of subDevices in params, or by the deviceId and "." before the
//     identifier; without any of these it is for the only meter. A service
//     tells it by "meter" in params or by that identity. Who names two is refused.
//   - The services read, relay, set, time, freeze and demand_reset. The time is
//     written to the meter that is named, not broadcast on its line.
//   - The codes 100001 to 100006 of answers to commands.
//   - The query of all states is answered by the login of those that are
//     online, the query of all properties by a batch of the last values.
//
// The heartbeat is never sent: who begins with it and misses one is thrown out.
package das
