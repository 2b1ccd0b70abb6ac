'use strict';

const { describe, invalid } = require('./errors.js');
const { Router, inherit } = require('./router.js');

/** A router that can take over. */
function usable(router) {
  if (!(router instanceof Router)) throw invalid(`router is ${describe(router)}, expected a Router`);
  if (router.closed) throw invalid('the router is closed: open another one');
  return router;
}

/** A place for the router that is in use. Calls on it are made on that router, from beginning to end. */
class ReloadableRouter {
  #current;

  constructor(router) {
    this.#current = usable(router);
  }

  get current() {
    return this.#current;
  }

  replace(router) {
    const old = this.#current;
    inherit(usable(router), old);
    this.#current = router;
    return old;
  }
}

/** The member `name` of whichever router is in use. */
function delegated(name, { get }) {
  if (get !== undefined) {
    return { get() { return this.current[name]; }, configurable: true };
  }
  const method = { [name](...args) { return this.current[name](...args); } }[name];
  return { value: method, writable: true, configurable: true };
}

for (const name of Reflect.ownKeys(Router.prototype)) {
  if (name === 'constructor') continue;
  Object.defineProperty(
    ReloadableRouter.prototype, name, delegated(name, Object.getOwnPropertyDescriptor(Router.prototype, name)),
  );
}

module.exports = { ReloadableRouter };
