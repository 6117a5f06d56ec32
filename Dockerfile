FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools tools
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM node:24-slim
ENV NODE_ENV=production APP_HOST=0.0.0.0 TENANTRY_STATE_DIR=/var/lib/tenantry SQL_VERSIONS_DIR=/var/lib/tenantry/sql_versions
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY tools tools
RUN npm ci --omit=dev --omit=optional && npm cache clean --force
COPY bin bin
COPY migrations migrations
COPY --from=build /app/dist dist
RUN mkdir -p /var/lib/tenantry && chown node:node /var/lib/tenantry
USER node
VOLUME /var/lib/tenantry
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.APP_HOST_PORT || 8001) + '/health/live').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "bin/tenantry.js"]
CMD ["serve", "--role", "all"]
