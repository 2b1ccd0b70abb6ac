import routellm from './index.js';

export const { Router, RouteLLMError, promptFromMessages, upgradeArtifact, version } = routellm;
