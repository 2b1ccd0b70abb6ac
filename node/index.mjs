import routellm from './index.js';

export const { Router, ReloadableRouter, RouteLLMError, promptFromMessages, upgradeArtifact, doctor, version } = routellm;
