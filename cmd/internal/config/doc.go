// Package config is the configuration of tagexec: what its commands read from
// the environment. Nothing else in them reads it.
package config
