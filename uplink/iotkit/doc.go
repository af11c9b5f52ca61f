// Package iotkit speaks the dialect of iotkit.cc, the open-source platform
// iotkit (later OpenIita, fork EnjoyIot): the gateway registers each meter as a
// sub-device, subscribes to the meter's topic, which makes it online, and
// posts its properties; a reply with the same id acknowledges.
//
// Source: "MQTT 协议" of iotkit, and the platform's public code where the
// document is silent (docs/platforms.md#iotkit). What
// neither tells is our own choice and marked so: the codes of our answers to
// commands, the parameters of the services read, relay, set, time, freeze and
// demand_reset, the parameters of events, and what a refusal means.
//
// A post carries no time: the platform takes the moment of its arrival for
// that of the sample (docs/platforms.md#iotkit). Backfill decides what becomes of old readings. And
// code 0 only says that a message came; nothing says that it is stored (docs/platforms.md#iotkit).
package iotkit
