# docker build -t countermand --build-arg SOURCE_COMMIT=$(git rev-parse HEAD) .
# docker run --rm --read-only -v countermand-ledgers:/ledgers -v "$PWD/jobs:/jobs:ro" -e COUNTERMAND_TOKEN countermand run /jobs/nightly.yaml --yes

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json build.mjs ./
COPY src ./src
ARG SOURCE_COMMIT=
RUN npm run build
RUN mkdir /ledgers

FROM node:24-bookworm-slim
# Who builds says where from: the commit, when (RFC 3339), and the repository's address.
ARG SOURCE_COMMIT=
ARG CREATED=
ARG SOURCE_URL=
LABEL org.opencontainers.image.title="countermand" \
  org.opencontainers.image.description="Bulk-cancel Microsoft Defender for Endpoint machine actions: inside the quota, resumable, accountable" \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.revision="$SOURCE_COMMIT" \
  org.opencontainers.image.created="$CREATED" \
  org.opencontainers.image.source="$SOURCE_URL" \
  org.opencontainers.image.authors="the countermand authors" \
  org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/dist /app/dist
COPY LICENSE /app/LICENSE
# What `countermand demo` cancels.
COPY jobs/demo.yaml jobs/demo.csv /app/jobs/
# Ledgers lie in `ledgers` below the working folder unless --ledger says otherwise: with the root as working folder, in the volume.
COPY --from=build --chown=node:node /ledgers /ledgers
VOLUME /ledgers
WORKDIR /
USER node
# Without a shell in between, SIGTERM reaches the program, which ends its calls, closes the ledger and exits 143.
ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/main.js"]
CMD ["--help"]
