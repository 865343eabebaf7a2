package oidcsso

import "errors"

// Sync makes the Router follow a store of connectors: in one step, all of put are added or changed, and all of remove are taken
// out. An ID in both is put; an unknown ID in remove is passed over. What the connectors of put had is released first, so that
// a domain moves from one to another without a conflict and without a moment in which it is nobody's.
//
// Unlike [Router.Put] and [Router.Replace] it goes on with all others where one Config can't become a connector: because it is
// invalid, because a domain or redirect URI is that of a connector outside of put, because its ID is in put twice, or because
// another Config of put wants the same domain or the same exclusive redirect URI. Of two such rivals neither is trusted more,
// whatever their order. All of these are entered as out of order:
//
//   - Connector(id) is an [*Error] with CodeUnavailable, so that sign-ins under way end with it. Its cause is the problem.
//   - Route of the domains that the Config owns (every state but DomainClaimed, also one that is unknown) is the same error, also below a wildcard of
//     another connector. So are the domains of the last healthy connector with this ID, which a broken row may no longer name.
//     Names that no connector may have, such as "com" or a mailbox provider's, are passed over.
//   - A domain that a healthy connector holds, or gets later, is answered as ever. When it releases the domain, the domain is
//     unavailable, not nobody's.
//
// It is mended by a later Sync, Put or Replace with a good Config of the same ID, and keeps what the last healthy connector had
// discovered as Put does. It is not mended by itself when the holder of a domain that it wanted is gone. Remove, and Sync with
// the ID in remove, take it out and release its domains; Replace takes out all. To say that a connector can't be read, put
// a Config that has its ID, and the domains that are known, and nothing else. An ID that no connector can have is out of order
// as well, under that ID.
//
// The error joins all problems (it has Unwrap() []error), in the order of put; each is a [*ConfigError] or an [*Error] with
// CodeDomainConflict, and its Connector is the ID as it was given.
func (r *Router) Sync(put []Config, remove []string) error {
	step := newSyncStep(put, r.opts) // before the lock: it is most of the work
	r.write.Lock()
	defer r.write.Unlock()
	edit := r.load().edit(len(step.all))
	changed := len(step.all) > 0
	for _, s := range step.all {
		s.last, _ = edit.takeOut(s.id)
	}
	for _, id := range remove {
		_, found := edit.takeOut(id)
		changed = changed || found
	}
	if !changed {
		return nil
	}
	edit.sync(step)
	allow := r.opts.allowDomain()
	var problems []error
	for _, s := range step.all {
		if s.problems == nil {
			s.connector.adopt(s.last)
			continue
		}
		problems = append(problems, s.problems...)
		edit.setBroken(newOutOfOrder(s.id, s.cfgs, joinedOrOne(s.problems), s.last, allow))
	}
	r.table.Store(edit.done())
	return errors.Join(problems...)
}

// syncStep is what a Sync puts: each ID once, in the order of put.
type syncStep struct {
	all       []*synced
	byID      map[string]*synced
	contested map[*Route]bool // whose holders have been told
}

type synced struct {
	id        string
	cfgs      []Config   // one, unless the ID is there twice
	connector *Connector // nil if it can't be made
	problems  []error
	entered   bool
	last      *Connector // the last healthy one before
}

func newSyncStep(put []Config, opts *Options) *syncStep {
	step := &syncStep{make([]*synced, 0, len(put)), make(map[string]*synced, len(put)), map[*Route]bool{}}
	for i := range put {
		id := put[i].ID
		if s := step.byID[id]; s != nil { //check:sync-twice
			s.problems = []error{connectorTwice(id)}
			s.cfgs = append(s.cfgs[:len(s.cfgs):len(s.cfgs)], put[i])
			continue
		}
		c, err := NewConnector(put[i], opts)
		s := &synced{id: id, cfgs: put[i : i+1], connector: c}
		if err != nil {
			s.problems = []error{ofConnector(err, id)}
		}
		step.all, step.byID[id] = append(step.all, s), s
	}
	return step
}

// ofConnector names the connector in an error of Options, which has none.
func ofConnector(err error, id string) error {
	var invalid *ConfigError
	if errors.As(err, &invalid) && invalid.Connector == "" {
		return &ConfigError{Connector: id, Fields: invalid.Fields}
	}
	return err
}

// sync enters those that are healthy, and adds to the problems of all others. The outcome does not depend on the order.
func (e *routerEdit) sync(step *syncStep) {
	for _, s := range step.all { // what connectors outside of the step have stays theirs
		if s.problems == nil {
			s.problems = e.conflicts(s.connector)
		}
	}
	for _, s := range step.all {
		if s.entered = s.problems == nil; s.entered {
			e.set(s.connector)
		}
	}
	for _, s := range step.all {
		if s.entered {
			e.rivals(s, step)
		}
	}
	for _, s := range step.all {
		if s.entered && s.problems != nil {
			e.remove(s.connector)
		}
	}
}

// rivals adds to the problems of s, and of those in the step that want the same.
func (e *routerEdit) rivals(s *synced, step *syncStep) {
	if e.takesRedirectURI(s.connector) { //check:sync-redirect
		s.problems = append(s.problems, redirectTaken(s.connector))
	}
	for i := range s.connector.routes {
		d := &s.connector.routes[i].Domain
		if holder, ok := e.routes(d).Get(d.Name); ok && d.State.owned() && holder.Connector != s.connector { //check:sync-rivals
			s.problems = append(s.problems, domainConflict(s.connector, *d, holder.Connector))
			if !step.contested[holder] { // of a thousand rivals, the holder is told of one
				step.contested[holder] = true
				rival := step.byID[holder.Connector.ID()]
				rival.problems = append(rival.problems, domainConflict(rival.connector, *d, s.connector))
			}
		}
	}
}
