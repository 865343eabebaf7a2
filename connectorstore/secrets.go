package connectorstore

import (
	"context"
	"time"

	"github.com/oidcsso/oidcsso"
)

// replaceSecrets stores the secrets that cfg brings. Of those that it does not bring, the stored ones stay if keep says so,
// and otherwise go, with their expiry.
func (w *writer) replaceSecrets(ctx context.Context, r *row, old oidcsso.Config, cfg *oidcsso.Config, keep bool) error {
	if !keep { //check:secret-discarded
		r.secret, r.nextSecret = "", ""
	}
	stored := old
	if err := w.openSecrets(ctx, r, &stored); err != nil {
		return err
	}
	checked := *cfg // as replicas will have it
	for _, one := range []struct {
		sealed          *string
		purpose         string
		brought, stored oidcsso.Secret
		expiry          *time.Time
		checked         *oidcsso.Secret
	}{
		{&r.secret, purposeCurrent, cfg.ClientSecret, stored.ClientSecret, &cfg.ClientSecretExpiry, &checked.ClientSecret},
		{&r.nextSecret, purposeNext, cfg.NextClientSecret, stored.NextClientSecret, &cfg.NextClientSecretExpiry, &checked.NextClientSecret},
	} {
		if one.brought.IsZero() {
			if *one.checked = one.stored; one.stored.IsZero() {
				*one.expiry = time.Time{}
			}
			continue
		}
		sealed, err := w.seal(ctx, one.purpose, cfg, one.brought)
		if err != nil {
			return err
		}
		*one.sealed = sealed
	}
	return w.checkIn(State(r.state), checked)
}

// RevealSecrets gives the stored secrets; empty ones if there are none. No other call that reads does.
//
// Errors: CodeNotFound, CodeTampered, or what the Sealer failed with.
func (s *Store) RevealSecrets(ctx context.Context, id string) (current, next oidcsso.Secret, err error) {
	r, err := s.verified(ctx, s.db, id)
	if err != nil {
		return current, next, err
	}
	cfg, err := r.configuration()
	if err != nil {
		return current, next, err
	}
	err = s.openSecrets(ctx, r, &cfg)
	return cfg.ClientSecret, cfg.NextClientSecret, err
}

// PromoteNextSecret makes the next client secret the current one, and discards the old one, if the connector is at the
// revision.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, CodeStateRefused.
func (s *Store) PromoteNextSecret(ctx context.Context, id string, revision int64) (Connector, error) {
	return s.edit(ctx, id, revision, "secrets", func(w *writer, r *row) error {
		if r.nextSecret == "" { //check:no-next-secret
			return refuse(CodeStateRefused, "Store it first, by Update.", "The connector has no next client secret.")
		}
		cfg, err := r.configuration()
		if err != nil {
			return err
		}
		if err := w.openSecrets(ctx, r, &cfg); err != nil {
			return err
		}
		cfg.ClientSecret, cfg.ClientSecretExpiry = cfg.NextClientSecret, cfg.NextClientSecretExpiry
		cfg.NextClientSecret, cfg.NextClientSecretExpiry = oidcsso.Secret{}, time.Time{}
		if err := w.sealSecrets(ctx, r, &cfg); err != nil {
			return err
		}
		return r.setConfiguration(cfg)
	})
}

// DropSecrets discards both client secrets, or only the next one, if the connector is at the revision. Without a secret the
// connector is a public client.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, or an [oidcsso.ConfigError].
func (s *Store) DropSecrets(ctx context.Context, id string, revision int64, nextOnly bool) (Connector, error) {
	return s.edit(ctx, id, revision, "secrets", func(w *writer, r *row) error {
		cfg, err := r.configuration()
		if err != nil {
			return err
		}
		r.nextSecret, cfg.NextClientSecretExpiry = "", time.Time{}
		if !nextOnly {
			r.secret, cfg.ClientSecretExpiry = "", time.Time{}
		}
		checked := cfg
		if err := w.openSecrets(ctx, r, &checked); err != nil {
			return err
		}
		if err := w.checkIn(State(r.state), checked); err != nil {
			return err
		}
		return r.setConfiguration(cfg)
	})
}
