# Copies the page's sources beside its packages, and removes what was removed.
file(REMOVE_RECURSE ${TO}/src ${TO}/public ${TO}/dist)
file(COPY ${FROM}/src ${FROM}/public ${FROM}/index.html ${FROM}/tsconfig.json ${FROM}/vite.config.ts ${FROM}/embed.mjs
     DESTINATION ${TO})
