'use strict';

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** The keys of an object, and of those in it, as JavaScript writes them. */
function camelKeys(value) {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [camel(name), camelKeys(inner)]));
}

/** What is known about a router, from the core's JSON. Names and provenance are not ours to spell. */
function infoFromJson(json) {
  const { provenance, names, ...info } = JSON.parse(json);
  return { ...camelKeys(info), names, provenance };
}

/** Why a prompt got its score, from the core's JSON. */
function explanationFromJson(json) {
  const explanation = camelKeys(JSON.parse(json));
  // JSON has no NaN.
  if (explanation.fallback) Object.assign(explanation, { winRate: NaN, similarity: NaN });
  return explanation;
}

/** What was found on this machine, from the core's JSON. Names of variables are not ours to spell. */
function diagnosisFromJson(json) {
  const diagnosis = JSON.parse(json);
  const { environment } = diagnosis.settings;
  const told = camelKeys(diagnosis);
  told.settings.environment = environment;
  return told;
}

module.exports = { diagnosisFromJson, explanationFromJson, infoFromJson };
