// Package connectorstore keeps connectors, the email domains that they own and exceptions from single sign-on in a SQL
// database, and gives every replica of a backend a [Live] view of them: an [oidcsso.Source] that follows the database within
// seconds and goes on without it.
//
//	store, err := connectorstore.New(db, &connectorstore.Options{Dialect: connectorstore.PostgreSQL, Ring: ring, SSO: opts})
//	err = store.Migrate(ctx)
//	live := store.NewLive(nil)
//	go live.Run(ctx)       // changes arrive
//	go store.RunChecks(ctx) // proofs of domains are looked for again
//	flow, err := oidcsso.NewFlow(opts, live, &oidcsso.FlowOptions{Keys: keys})
//
// It needs package database/sql and a driver that the application chooses, for SQLite or PostgreSQL. Its five tables begin with
// "oidcsso_" and may stand beside the application's own.
//
// # From a draft to enforcement
//
// A connector that [Store.Create] made is a draft: it has an ID, from which its Callback URI follows, and enforces nothing, in
// whatever state its domains are. [Store.Update] gives it issuer, client ID and secret, [Store.SetState] activates it,
// [Store.Claim] and [Store.Verify] make a domain its own, and [Store.SetDomainState] enforces that. The example of [Store] has it all.
//
// A Store answers from the database. A Live answers from what it read last, a second ago: who has changed something and wants it
// to be in force at this replica calls [Live.Sync].
//
// # Who may do what
//
// An ID that comes with a request may be another tenant's. [Store.Tenant] gives a [Tenant]: what a tenant's administrator may do,
// to what is that tenant's alone. Give that to the handlers of tenants, in place of the Store, and there is nothing to forget.
//
// The Store sees everybody's, and does not ask who calls. [Store.Assert], [Store.Transfer], [Store.Rekey], [Store.Readmit],
// [Store.Freeze], [Store.Thaw] and [Store.SetTenant] are for the operator, who answers for what they say, and so is
// [Store.SetRedirectURL], for one who may be the developer. Who may call [Store.AddGrant] and [Store.RevokeGrant], the backend
// decides. [Store.RevealSecrets] is for none of them.
//
// # What the database is trusted with
//
// Client secrets are sealed, and every row is signed, with the keys of a [Ring] that are not in the database. Who can read the
// database learns no secret. Who can write to it can put a connector out of order, but can't make one that is believed, move a
// secret to where it would be sent to another server, or make a domain another connector's; nor release one from a replica that
// has seen it. What they can do is to delete rows, or put back old ones, before a replica starts: it can't know of what it has
// never seen. Exceptions are asked for in the database each time: one that was revoked can be put back until it would have ended.
// Watch for that with the database's own means.
//
// Changes come one after the other, those of all tenants: bound how often one may ask for any.
//
// # What many connectors cost
//
// A replica with 100,000 connectors that have a secret and two domains each, on two cores of a shared machine (AMD EPYC), with
// SQLite in a file and PostgreSQL 15 on the same machine:
//
//	                                 SQLite     PostgreSQL
//	loading all of them              2.3 s      2.1 s        9.6 and 12 times what reading the rows alone takes
//	heap for each                    1.04 kB    1.04 kB      one that has discovered 1.2 kB more, with keys 1.9 kB more
//	a Sync that finds no change      9 us       39 us
//	a Sync of one change             0.31 ms    0.84 ms
//	the hourly Sync of everything    0.76 s     0.65 s
//	Route, beside a plain map        1.14-1.19  1.17-1.19    with a change each second
//	                                 1.27-1.28  1.24-1.25    with ten changes a second
//
// There is one goroutine for all of them, that of [Live.Run]. The benchmark is BenchmarkLive in the module dbtest.
package connectorstore
