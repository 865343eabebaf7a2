// Package connectorstore keeps connectors, the domains that they own and exceptions from single sign-on in a SQL database,
// and gives every replica of a backend a [Live] view of them.
package connectorstore
