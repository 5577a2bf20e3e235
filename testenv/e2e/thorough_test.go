//go:build soak

package e2e

// thorough has tests interrupt a run everywhere, and not at some places.
const thorough = true

// victims are the brokers that a flood sees die.
const victims = 2
