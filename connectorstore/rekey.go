package connectorstore

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"github.com/oidcsso/oidcsso"
)

// Rekeying is a change of what the accounts of a connector are found by.
type Rekeying struct {
	// Connector is the ID, which stays. OldIssuer is the issuer until now, NewIssuer the one from now on.
	Connector, OldIssuer, NewIssuer string
}

// Keys gives the key under which an account is filed until now, and the one under which the same subject will sign in.
func (k Rekeying) Keys(subject string) (old, new oidcsso.AccountKey) {
	return oidcsso.AccountKey{Connector: k.Connector, Issuer: k.OldIssuer, Subject: subject},
		oidcsso.AccountKey{Connector: k.Connector, Issuer: k.NewIssuer, Subject: subject}
}

// Rekeyings are the changes of keys from each of c's former issuers to the one of now, the oldest first. With them a backend
// repeats what it does after [Store.Rekey], when it may not have come to its end.
func (c Connector) Rekeyings() []Rekeying {
	changes := []Rekeying{}
	for _, issuer := range c.FormerIssuers {
		if issuer != c.Config.Issuer { // which has come back
			changes = append(changes, Rekeying{Connector: c.ID, OldIssuer: issuer, NewIssuer: c.Config.Issuer})
		}
	}
	return changes
}

// Rekey is [Store.Update] for a connector whose issuer is frozen because somebody has signed in. It changes no account: from
// now on everybody comes with a new key, and finds no account until the backend has changed the keys. It may do so by
// [Rekeying.Keys] only if the new issuer has the same people under the same subjects: a company's identity provider that was
// given another host name, say. Whoever controls the new issuer can otherwise become anybody.
//
// First Rekey, then the keys: it may be refused, and what a backend did not get done afterwards, because its process ended, it
// repeats by [Connector.Rekeyings]. Whoever signs in between the two has an account under the old key, and is refused
// (accounts.ReasonLinkedHere) if their address is trusted; without a trusted address they would get a second account, where
// accounts are made at sign-in. So disable the connector before, and activate it when the keys are changed: its domains stay
// enforced meanwhile.
//
// The stored secrets are discarded, as with every change of the issuer. Errors are those of Update, and CodeInvalid where
// the issuer does not change.
func (s *Store) Rekey(ctx context.Context, c Connector) (Connector, Rekeying, error) {
	change := Rekeying{Connector: c.ID, NewIssuer: c.Config.Issuer}
	changed, err := s.edit(ctx, c.ID, c.Revision, "rekeyed", func(w *writer, r *row) error {
		old, err := r.connector()
		if err != nil {
			return err
		}
		change.OldIssuer = old.Config.Issuer
		if change.OldIssuer == change.NewIssuer {
			return refuse(CodeInvalid, "Use Update for everything else.", "The issuer does not change.")
		}
		if err := w.update(ctx, r, c, true); err != nil {
			return err
		}
		former := append(slices.DeleteFunc(old.FormerIssuers, func(issuer string) bool { return issuer == change.OldIssuer }), change.OldIssuer)
		if len(former) > maxFormerIssuers { //check:former-issuers
			return refuse(CodeTooMany, "Create another connector.", "The issuer was changed more than %d times.", maxFormerIssuers)
		}
		text, err := json.Marshal(former)
		r.formerIssuers, r.signedIn = string(text), 0
		w.told(ctx, EventConnectorRekeyed, slog.String("connector", r.id), slog.String("old_issuer", change.OldIssuer), slog.String("new_issuer", change.NewIssuer))
		return err
	})
	if err != nil {
		return Connector{}, Rekeying{}, err
	}
	return changed, change, nil
}

// EventConnectorRekeyed is the event of [Store.Rekey]: connector, old_issuer, new_issuer; actor if [WithActor] named one.
const EventConnectorRekeyed oidcsso.EventName = "connector_rekeyed"

const maxFormerIssuers = 20

// signedIn remembers that somebody has signed in. It is no change of the connector: the revision stays.
func (s *Store) signedIn(ctx context.Context, id, issuer string) error {
	return s.write(ctx, func(w *writer) error {
		r, err := w.verified(ctx, w.tx, id)
		if err != nil {
			return err
		}
		cfg, err := r.configuration()
		if err != nil || r.signedIn != 0 || cfg.Issuer != issuer {
			return err
		}
		old := r.mac
		r.signedIn = millis(w.now)
		r.mac = w.options.Ring.mac(r.signed())
		return w.overwrite(ctx, r, old)
	})
}
