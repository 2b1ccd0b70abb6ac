'use strict';

// Prints the bits of the win rate of a prompt by each of the routers that are named.

const { Router } = require('../../../node');

const [prompt, ...folders] = process.argv.slice(2);
for (const folder of folders) {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(Router.open(folder).winRateSync(prompt));
  console.log(bits.toString('hex'));
}
