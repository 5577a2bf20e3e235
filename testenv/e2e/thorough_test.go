//go:build soak

package e2e

// thorough has tests interrupt a run everywhere, and not at some places.
const thorough = true
